import type { Clock } from "../core/time.ts";
import type { World } from "../control/world.ts";
import type { NamedError } from "../core/errors.ts";
import { object, ShapeError, type Path, type Shape } from "../core/shape.ts";
import type { Broker, Match, Plugin, Protocol } from "../hooks/plugin.ts";
import type { Random } from "../hooks/random.ts";
import { compileRule } from "./compile.ts";

export type { World } from "../control/world.ts";

/** What a fault's options must be; see `core/shape.ts`, which makes them. */
export type FaultOptions<Options> = Shape<Options>;

/** What an `act` gets beside the brokers. */
export interface ActAt {
  /** Keyed by seed, rule, stream and ordinal, as everywhere. */
  readonly random: Random;
  readonly clock: Clock;
  log(...words: unknown[]): void;
}

/** Takes back what an `act` did. */
export type Undo = () => void | Promise<void>;

/** A fault that ships inside the binary. It has one of `plugin` and `act`. */
export interface Fault<Options = any> {
  readonly name: string;
  /** One line, for lists and errors; names the options. */
  readonly summary: string;
  readonly options: FaultOptions<Options>;
  /** Where it can act; anywhere when left out. A rule elsewhere is an error. */
  readonly protocols?: readonly Protocol[];
  /**
   * The hooks that do it to whatever the rule matches. The rule's match is laid over each hook's own, so
   * they need not check it; it is given for faults that act elsewhere when it names an operation. A hook
   * wrapped in `aside` is called whatever match and `when` of the rule say. Throws FaultError where
   * options that fit their shape do not fit each other or the match.
   */
  plugin?(options: Options, match: Match): Plugin;
  /** For faults that act: throws FaultError where options that fit their shape do not fit the rule's match. */
  check?(options: Options, match: Match, world: World): void;
  /**
   * Done once to the brokers when the rule fires. What it returns takes it back: when `for` is over,
   * the rule is removed or its `until` has come.
   */
  act?(options: Options, match: Match, broker: Broker, at: ActAt): void | Undo | Promise<void | Undo>;
}

/** Several rules under one name. */
export interface Preset<Options = any> {
  readonly name: string;
  readonly summary: string;
  readonly options: FaultOptions<Options>;
  readonly protocols?: readonly Protocol[];
  /** What of a match it goes by; by all of it when left out. A rule with anything else is an error. */
  readonly goesBy?: readonly (keyof Match)[];
  /** `match` is that of the rule that names the preset; each rule it makes has its own. */
  rules(options: Options, match: Match, world: World): Rule[];
}

/** A fault's options do not fit. */
export class FaultError extends Error implements NamedError {
  override readonly name = "FaultError";
  readonly status = 400;
  constructor(
    message: string,
    readonly path: Path = [],
    readonly didYouMean?: string,
  ) {
    super(message);
  }
}

/** A rule does not fit the grammar; the message tells all that is wrong, a line each. */
export class RuleError extends ShapeError {
  override readonly name = "RuleError";
}

/** A duration (`"500ms"`, milliseconds), a count (`"100 messages"`, a number), or something that happens. */
export type Moment =
  | string
  | number
  | {
      /** So many messages or operations that the rule's match admits. */
      messages?: number;
      /** So long after the rule was added. */
      time?: string | number;
      /** The offset of a Kafka delivery. */
      offset?: number;
      /** Another rule, by its id, fired. */
      rule?: string;
      /** An event of this name was raised: by a scenario, over HTTP, by a test. */
      event?: string;
      /** Something that this match admits happened. */
      match?: Match;
      /** A client of this name connected, or disconnected. */
      connect?: Match["client"];
      disconnect?: Match["client"];
      /** How often, for `rule`, `event`, `match`, `connect` and `disconnect`: once when left out. */
      times?: number;
    };

export interface When {
  /** Each time: what holds when nothing else is said. */
  always?: boolean;
  /** The first time only. */
  once?: boolean;
  /** The n-th time, or several such, from 1. */
  nth?: number | number[];
  /** Each n-th time; or, as a duration, at most once in so long. An `act` without a match does it again and again. */
  every?: number | string;
  /** At most so often. */
  times?: number;
  /** From 0 to 1. */
  probability?: number;
  after?: Moment;
  until?: Moment;
  /** Both: from the first on, until the second. */
  window?: [Moment, Moment] | { from?: Moment; to?: Moment };
  /** Of these streams only, each the exact text as the journal has it; `nth` is then counted on each by itself. */
  stream?: string | string[];
  /** What counts are kept for; for the rule as a whole when left out. */
  per?: "connection" | "client" | "key" | "topic" | "partition" | "stream";
}

/** Match + when + fault: one grammar for plugins, files and HTTP. See docs/CHAOS.md. */
export interface Rule {
  name?: string;
  description?: string;
  /** False: known, but not in force. */
  enabled?: boolean;
  /** It may stay unfired in a scenario. */
  optional?: boolean;
  match?: Match;
  when?: When;
  /** How long the effect of a fault that acts on the brokers lasts, or for others how long the rule is in force, from its `after` on. */
  for?: string | number;
  /** The fault's name and its options: `{ latency: { ms: 200 } }`; the name alone where it needs none. */
  fault?: string | Record<string, unknown>;
  /** In the place of `fault`: several rules under one name. */
  preset?: string | Record<string, unknown>;
}

const faults = new Map<string, Fault>();
const presets = new Map<string, Preset>();

/** Makes faults known to `rule`; the binary does it with its own. */
export function registerFaults(list: readonly Fault[]): void {
  for (const fault of list) faults.set(fault.name, fault);
}

export function registerPresets(list: readonly Preset[]): void {
  for (const preset of list) presets.set(preset.name, preset);
}

export function knownFaults(): ReadonlyMap<string, Fault> {
  return faults;
}

export function knownPresets(): ReadonlyMap<string, Preset> {
  return presets;
}

/** The options of a fault that takes none. */
export const noOptions: Shape<object> = object({});

/** A hook of a fault that helps the others: called whatever match and `when` of the rule say, and not counted. */
export function aside<const H extends object>(hook: H): H {
  return Object.assign(hook, { [ASIDE]: true });
}
export const ASIDE: unique symbol = Symbol("aside");

/**
 * A rule as a plugin: `export default rule({ match: { topic: "payments.*" }, fault: { drop: {} } })`.
 * Throws RuleError where it does not fit the grammar.
 */
export function rule(given: Rule): Plugin {
  return compileRule(given).plugin;
}
