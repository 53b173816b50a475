import { check, ShapeError, suggestion, type Flaw, type Path } from "../../core/shape.ts";
import { compileMatch, HOOK_POINTS, type HookPoint } from "../match.ts";
import type { Hook, Match, OneHook, Plugin, Protocol } from "../plugin.ts";
import { ASIDE, FaultError, knownFaults, knownPresets, RuleError, type Fault, type Rule, type World } from "../rule.ts";
import { Action } from "./action.ts";
import { COMINGS, readRule, type RuleRead } from "./grammar.ts";
import { Gate } from "./gate.ts";

export const PROTOCOLS: readonly Protocol[] = ["kafka", "mqtt", "amqp"];
/** Presets may be made of presets, but not of themselves. */
const DEEPEST = 5;

type AnyHook = OneHook<any, any>;
type Hooks = Partial<Record<HookPoint, AnyHook[]>>;

/** One fault of a rule; a preset has several. */
export interface Part {
  readonly name: string | undefined;
  readonly gate: Gate;
  /** For a fault that acts on the brokers. */
  readonly action: Action | null;
}

/** A rule that was checked, as the plugin that carries it out. */
export interface CompiledRule {
  readonly rule: RuleRead;
  /** As it was written. */
  readonly given: Rule;
  readonly plugin: Plugin;
  readonly parts: readonly Part[];
  /** The fault's or preset's name. */
  readonly kind: string;
}

const compiled = new WeakMap<Plugin, CompiledRule>();

/** The rule behind a plugin that `rule` made; undefined for any other. */
export function ruleOf(plugin: Plugin): CompiledRule | undefined {
  return compiled.get(plugin);
}

/** Checks a rule and makes its hooks. Throws RuleError. */
export function compileRule(given: Rule, world: World = { brokers: 1 }, depth = 0): CompiledRule {
  const flaws: Flaw[] = [];
  const rule = readRule(given, flaws);
  if (flaws.length > 0) throw new RuleError(flaws);
  const { name, match = {} } = rule;
  const [kind, hooks, parts] = rule.fault !== undefined ? faultParts(rule) : presetParts(rule, world, depth);
  const plugin: Plugin = { ...(name === undefined ? {} : { name }) };
  for (const point of HOOK_POINTS) if (hooks[point] !== undefined) (plugin as Record<string, unknown>)[point] = hooks[point];
  if (parts.every(({ action }) => action === null)) mustBePossible(hooks, match, kind);
  const whole: CompiledRule = { rule, given, plugin, parts, kind };
  compiled.set(plugin, whole);
  return whole;
}

function faultParts(rule: RuleRead): [string, Hooks, Part[]] {
  const { match = {}, when } = rule;
  const { name: kind, options: given } = rule.fault!;
  const fault = knownFaults().get(kind);
  if (fault === undefined) throw flawed(["fault", kind], `unknown fault ${kind}: ${suggestion(kind, [...knownFaults().keys()])}`);
  const options = optionsOf(["fault", kind], fault, given);
  const narrowed = inProtocols(match, fault);
  const gate = new Gate(when, fault.act === undefined ? (rule.for ?? Infinity) : Infinity);
  const hooks: Hooks = {};
  let action: Action | null = null;
  if (fault.act !== undefined) {
    try {
      fault.check?.(options, narrowed);
    } catch (error) {
      throw flawed(["fault", kind, ...(error instanceof FaultError ? error.path : [])], (error as Error).message);
    }
    action = new Action(rule, fault, options, narrowed, gate);
    for (const [point, hook] of action.hooks()) add(hooks, point, hook);
  } else {
    let plugin: Plugin;
    try {
      plugin = fault.plugin!(options, narrowed);
    } catch (error) {
      throw flawed(["fault", kind, ...(error instanceof FaultError ? error.path : [])], (error as Error).message);
    }
    for (const point of HOOK_POINTS) {
      const at = plugin[point] as Hook<any, any> | undefined;
      if (at !== undefined) for (const hook of (Array.isArray(at) ? at : [at]) as AnyHook[]) add(hooks, point, gated(hook, narrowed, gate));
    }
  }
  for (const mark of [gate.after, gate.until]) {
    const watched = mark?.moment.match;
    if (watched === undefined) continue;
    const point = COMINGS.get(watched);
    const hook: AnyHook = { match: watched, run: () => void mark!.seen++ };
    // What names neither an operation nor anything of a message is watched where messages come in.
    add(hooks, point ?? pointOf(watched), action === null ? hook : { match: watched, run: (_event, at) => (mark!.seen++, action!.look(at)) });
  }
  return [kind, hooks, [{ name: rule.name, gate, action }]];
}

function presetParts(rule: RuleRead, world: World, depth: number): [string, Hooks, Part[]] {
  const { match = {} } = rule;
  const { name: kind, options: given } = rule.preset!;
  const preset = knownPresets().get(kind);
  const path = ["preset", kind];
  if (preset === undefined) throw flawed(path, `unknown preset ${kind}: ${suggestion(kind, [...knownPresets().keys()])}`);
  if (rule.when !== undefined || rule.for !== undefined) throw flawed(["preset"], "a preset has its own when and for in its rules");
  if (depth >= DEEPEST) throw flawed(path, "presets are made of presets too deep");
  const options = optionsOf(path, preset, given);
  const hooks: Hooks = {};
  const parts: Part[] = [];
  let made: Rule[];
  try {
    made = preset.rules(options, inProtocols(match, preset), world);
  } catch (error) {
    throw flawed([...path, ...(error instanceof FaultError ? error.path : [])], (error as Error).message);
  }
  for (const one of made) {
    const part = compileRule(one, world, depth + 1);
    parts.push(...part.parts);
    for (const point of HOOK_POINTS) for (const hook of (part.plugin[point] ?? []) as AnyHook[]) add(hooks, point, hook);
  }
  return [kind, hooks, parts];
}

function add(hooks: Hooks, point: HookPoint, hook: AnyHook): void {
  (hooks[point] ??= []).push(hook);
}

function optionsOf(path: Path, fault: Pick<Fault, "options">, given: unknown): unknown {
  try {
    return check(fault.options, given);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new RuleError(error.flaws.map((flaw) => ({ path: [...path, ...flaw.path], message: flaw.message })));
  }
}

/** The match with the protocols that the fault can act in. */
function inProtocols(match: Match, { name, protocols }: Pick<Fault, "name" | "protocols">): Match {
  if (protocols === undefined) return match;
  const asked = match.protocol === undefined ? PROTOCOLS : [match.protocol].flat();
  const both = asked.filter((protocol) => protocols.includes(protocol as Protocol)) as Protocol[];
  if (both.length === 0) throw flawed(["match", "protocol"], `${name} acts in ${protocols.join(" and ")} only`);
  return { ...match, protocol: both.length === 1 ? both[0]! : both };
}

/** A hook of a fault under the rule's match and `when`. */
function gated(hook: AnyHook, match: Match, gate: Gate): AnyHook {
  const { match: own = {}, run } = typeof hook === "function" ? { run: hook } : hook;
  if (ASIDE in hook) return { match: { ...(match.protocol === undefined ? {} : { protocol: match.protocol }), ...own }, run };
  return {
    match: { ...match, ...own },
    run: (event, at) => {
      if (!gate.passes(event, at)) return undefined;
      const verdict: unknown = run(event, at);
      if (verdict === undefined) gate.takeBack(event);
      return verdict as never;
    },
  };
}

/** Where an event that a match admits is first to be seen. */
export function pointOf(match: Match): HookPoint {
  const has = (...fields: (keyof Match)[]): boolean => fields.some((field) => match[field] !== undefined);
  if (has("operation", "group")) return match.direction === "out" ? "response" : "request";
  if (match.direction === "out" || has("queue")) return "delivery";
  if (match.direction === "in" || has("topic", "exchange", "address", "routingKey", "key", "partition", "header", "payload", "size")) return "message";
  return "connect";
}

/** A rule that nothing can ever meet is a mistake: somebody waits for it. */
function mustBePossible(hooks: Hooks, match: Match, kind: string): void {
  const points = HOOK_POINTS.filter((point) => hooks[point] !== undefined);
  for (const point of points) {
    for (const hook of hooks[point]!) {
      const own = typeof hook === "function" ? {} : (hook.match ?? {});
      if (PROTOCOLS.some((protocol) => compileMatch(own, point, protocol) !== null)) return;
    }
  }
  if (points.length === 0) return;
  const asked = Object.keys(match).filter((key) => match[key as keyof Match] !== undefined);
  throw flawed(["match"], `nothing can match: ${kind} acts on each ${points.join(", ")}, where there is no ${asked.join(" with ")}`);
}

function flawed(path: Path, message: string): RuleError {
  return new RuleError([{ path, message }]);
}

