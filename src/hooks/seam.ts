import { DecodeError } from "../bytes/reader.ts";
import type { JumpingClock } from "../core/time.ts";
import { Asides } from "./reordering.ts";
import { HookAt } from "./at.ts";
import { Chain, type ChainHost, type Link } from "./chain.ts";
import type { HookEvent } from "./event.ts";
import type { JournalRule, JournalWriter, ReplaySource } from "./journal-entry.ts";
import { compileMatch, HOOK_POINTS, type HookPoint } from "./match.ts";
import type { Observer } from "./observer.ts";
import type { At, ConnectionInfo, Match, Plugin, Protocol } from "./plugin.ts";
import { hashRule } from "./random.ts";
import { Streams } from "./streams.ts";
import type { ControlSurface } from "./surface.ts";
import type { Verdict, VerdictKind } from "./verdicts.ts";

export type { Chain, Decision, Final } from "./chain.ts";

/**
 * The hook points of one protocol. Each is null while no plugin is interested, and that null check
 * is all that the hot path pays. The fields change when plugins are reloaded: read them anew.
 */
export class ProtocolHooks implements Record<HookPoint, Chain | null> {
  connect: Chain | null = null;
  disconnect: Chain | null = null;
  request: Chain | null = null;
  response: Chain | null = null;
  message: Chain | null = null;
  delivery: Chain | null = null;
  bytes: Chain | null = null;
  /** Keeps account of what happens to messages; null unless somebody asked for it. */
  observer: Observer | null = null;
  /**
   * Another number whenever a hook comes or goes, a connection says who it is, or an MQTT session gets another
   * one: what was found out about the hooks before no longer holds.
   */
  version = 0;

  /** A connection's client id or user became known. */
  forget(connection: ConnectionInfo): void {
    this.version++;
    for (const point of HOOK_POINTS) this[point]?.forget(connection);
  }
}

/** A plugin that was loaded, with what is kept for it across reloads. */
export interface LoadedPlugin {
  readonly name: string;
  /** The file, for messages; empty for a plugin that was given as an object. */
  readonly file: string;
  readonly plugin: Plugin;
  /** For rules: see JournalRule. */
  readonly fault?: string;
  readonly asked?: boolean;
}

/** What the seam remembers of a plugin by its name. */
export class PluginRecord {
  readonly state = new Map<string, any>();
  readonly counts = new Map<string, number>();
  /** Failures since it last answered; see `FailurePolicy`. */
  failures = 0;
  timeouts = 0;
  /** All failures since the start. */
  errors = 0;
  off = false;
  file = "";
  /** How often a verdict of it was carried out, or something done through the control surface. */
  fired = 0;
  /** What was installed last under this name: only another one gets a new chance. */
  plugin: Plugin | null = null;
  constructor(readonly name: string) {}
}

export type Run = (event: any, at: At) => unknown;

/** One hook of one plugin. */
export interface InstalledHook {
  readonly plugin: PluginRecord;
  /** `plugin/point`, with `#index` from the second hook of a point on: the rule in streams and journal. */
  readonly rule: string;
  readonly point: HookPoint;
  readonly match: Match;
  readonly run: Run;
  readonly streams: Streams;
  /** As the journal has it. */
  readonly noted: JournalRule;
  /** The event whose use of the control surface was counted last: what else it brings on, then or later, is the same firing. */
  lastAct: string;
}

/** Calls what plugins are made of so that a stuck one comes back; see guard.ts. */
export interface Guard {
  /** The function's answer. Throws what it throws, and `HookTimeout` when its time is over. */
  call(run: Run, event: unknown, at: At): unknown;
  /** Carries on what a call of `run` left for later: a timer's function, what follows an `await`. `failed` gets what that throws. */
  resume(run: Run, work: () => void, failed: (error: unknown) => void): void;
  /** Does `work` now or, within a guarded call, right after it: the broker's own work must not be cut in the middle. */
  outside(work: () => void): void;
  /** Throws `HookTimeout` when the call that runs now has too little time left to enter the broker's own work. */
  admit(): void;
  /** Adds file and line to a failure, where they can be found. */
  locate(error: unknown, hook: InstalledHook): string;
}

/** A line in a file of the author's, both counted from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A hook did not come back within its time. */
export class HookTimeout extends Error {
  override readonly name = "HookTimeout";
  /** `place`, or at least the name of the function: where it was seen to be stuck. */
  constructor(
    message: string,
    readonly place: Place | null = null,
    readonly inside: string | null = null,
  ) {
    super(message);
  }
}

/** What fired, as those who listen hear of it. */
export interface Firing {
  readonly plugin: PluginRecord;
  /** `plugin/point`. */
  readonly rule: string;
  /** `act`: something was done through the control surface. */
  readonly verdict: VerdictKind | "act";
  readonly protocol: Protocol;
  /** The operation or destination. */
  readonly name: string;
  readonly stream: string;
  readonly ordinal: number;
}

/** When a plugin that keeps failing is switched off. */
export interface FailurePolicy {
  errors: number;
  timeouts: number;
}

export interface SeamOptions {
  seed: number;
  clock: JumpingClock;
  journal: JournalWriter;
  guard: Guard;
  /** Prints a line for the person at the terminal. */
  print(line: string): void;
  policy?: FailurePolicy;
  /** Fires this journal instead of asking any plugin. */
  replay?: ReplaySource<Seam>;
}

/** Stands in for the event where the clock, or something else that fired, brought something on. */
export const NO_EVENT: HookEvent = {
  protocol: "kafka",
  connection: null,
  name: "",
  stream: "clock",
  fact: () => undefined,
  change() {
    throw new TypeError("there is nothing to replace");
  },
};

/** The verdicts that a hook point takes; Kafka cannot deliver a record twice, or out of order, without storing it so. */
export const ALLOWED: Record<HookPoint, ReadonlySet<VerdictKind>> = {
  connect: new Set<VerdictKind>(["delay", "hold", "drop", "fail", "hang", "close"]),
  disconnect: new Set<VerdictKind>(["delay", "hold"]),
  request: new Set<VerdictKind>(["delay", "hold", "drop", "fail", "reply", "replace", "hang", "close"]),
  response: new Set<VerdictKind>(["delay", "hold", "drop", "fail", "reply", "replace", "hang", "close"]),
  message: new Set<VerdictKind>(["delay", "hold", "drop", "fail", "replace", "duplicate", "reroute", "reorder", "hang", "close"]),
  delivery: new Set<VerdictKind>(["delay", "hold", "drop", "replace", "duplicate", "reroute", "reorder", "expire", "hang", "close"]),
  bytes: new Set<VerdictKind>(["delay", "hold", "drop", "replace", "hang", "close"]),
};

/** Where plugins meet the protocols: one object for the whole broker. */
export class Seam implements ChainHost {
  readonly kafka = new ProtocolHooks();
  readonly mqtt = new ProtocolHooks();
  readonly amqp = new ProtocolHooks();
  /** What hooks reach as `at.broker`; set once the parts stand. */
  control: ControlSurface | null = null;
  /** Messages that let others pass. */
  readonly asides: Asides;
  /** Fired verdicts by rule and kind, for the metrics. */
  readonly fires = new Map<string, { rule: string; verdict: VerdictKind | "act"; count: number }>();
  /** Told of everything that fires. */
  readonly listeners = new Set<(firing: Firing) => void>();

  readonly seed: number;
  readonly clock: JumpingClock;
  readonly journal: JournalWriter;
  private readonly guard: Guard;
  private readonly print: (line: string) => void;
  private readonly policy: FailurePolicy;
  private readonly replay: ReplaySource<Seam> | null;
  private readonly records = new Map<string, PluginRecord>();
  private readonly streams = new Map<string, Streams>();
  private installed: InstalledHook[] = [];
  private readonly watching: InstalledHook[] = [];
  private observer: Observer | null = null;
  /** The plugins of the folder, and after them the rules. */
  private plugged: readonly LoadedPlugin[] = [];
  private ruled: readonly LoadedPlugin[] = [];

  constructor(options: SeamOptions) {
    this.seed = options.seed;
    this.clock = options.clock;
    this.asides = new Asides(options.clock);
    this.journal = options.journal;
    this.guard = options.guard;
    this.print = options.print;
    this.policy = options.policy ?? { errors: 10, timeouts: 3 };
    this.replay = options.replay ?? null;
    if (this.replay !== null) this.begin(this.replay);
  }

  /** Puts these plugins, in this order, in the place of all there were. Counters, state and ordinals stay. */
  install(plugins: readonly LoadedPlugin[]): void {
    this.plugged = plugins;
    this.reinstall();
    this.onInstall?.(plugins);
  }

  /** Called with the plugins that `install` was given. */
  onInstall: ((plugins: readonly LoadedPlugin[]) => void) | null = null;

  /** Whether a plugin of the folder, a rule apart, has this name. */
  isPlugged(name: string): boolean {
    return this.plugged.some((plugin) => plugin.name === name);
  }

  /** The same for live rules, which come after the plugins. */
  installRules(rules: readonly LoadedPlugin[]): void {
    this.ruled = rules;
    this.reinstall();
  }

  private reinstall(): void {
    if (this.replay !== null) return this.restand(this.replay); // the journal alone decides
    const hooks: InstalledHook[] = [];
    for (const { name, file, plugin, fault, asked } of [...this.plugged, ...this.ruled]) {
      const record = this.record(name);
      if (record.plugin !== plugin) {
        record.plugin = plugin;
        record.off = false;
        record.failures = record.timeouts = 0;
        record.file = file;
      }
      for (const point of HOOK_POINTS) {
        const given = plugin[point];
        if (given === undefined) continue;
        (Array.isArray(given) ? given : [given]).forEach((one, index) => {
          const rule = `${name}/${point}${index === 0 ? "" : `#${index + 1}`}`;
          const { match = {}, run } = typeof one === "function" ? { run: one } : one;
          hooks.push(
            this.hookOf(
              { rule, plugin: name, point, match, ...(fault === undefined ? {} : { fault }), ...(asked === true ? { asked } : {}) },
              run,
            ),
          );
        });
      }
    }
    this.rebuild(hooks);
  }

  /** A replay has its rules in force as the journal tells. */
  private begin(replay: ReplaySource<Seam>): void {
    const start = this.clock.now();
    this.elapsed = () => this.clock.now() - start;
    this.restand(replay);
    for (const at of replay.changes()) this.clock.after(at, () => this.restand(replay));
  }
  private elapsed: () => number = () => 0;

  private restand(replay: ReplaySource<Seam>): void {
    const asked = new Set(this.ruled.map(({ name }) => name));
    this.rebuild(replay.rulesAt(this.elapsed(), asked).map((rule) => this.hookOf(rule, replay.runner(rule.rule, this))));
  }

  record(name: string): PluginRecord {
    let record = this.records.get(name);
    if (record === undefined) this.records.set(name, (record = new PluginRecord(name)));
    return record;
  }

  /** Every plugin that was ever installed. */
  plugins(): PluginRecord[] {
    return [...this.records.values()];
  }

  private hookOf(noted: JournalRule, run: Run): InstalledHook {
    const { rule, plugin, point, match } = noted;
    let streams = this.streams.get(rule);
    if (streams === undefined) this.streams.set(rule, (streams = new Streams(hashRule(this.seed, rule))));
    return { plugin: this.record(plugin), rule, point, match, run, streams, noted, lastAct: "" };
  }

  /**
   * Hooks that see everything and change nothing: no plugin, and nothing for the journal. They see what comes in
   * before all others, and what goes out after them.
   */
  watch(name: string, plugin: Plugin): void {
    const record = new PluginRecord(name);
    for (const point of HOOK_POINTS) {
      for (const one of [plugin[point] ?? []].flat() as unknown[]) {
        const { match = {}, run } = typeof one === "function" ? { run: one as Run } : (one as { match?: Match; run: Run });
        const noted: JournalRule = { rule: `${name}/${point}`, plugin: name, point, match };
        this.watching.push({
          plugin: record,
          rule: noted.rule,
          point,
          match,
          run,
          streams: new Streams(hashRule(this.seed, noted.rule)),
          noted,
          lastAct: "",
        });
      }
    }
    this.rebuild(this.installed);
  }

  private rebuild(hooks: InstalledHook[]): void {
    this.installed = hooks;
    this.journal.install(hooks.map(({ noted }) => noted));
    for (const protocol of ["kafka", "mqtt", "amqp"] as const) {
      this[protocol].version++;
      for (const point of HOOK_POINTS) this[protocol][point] = this.chain(point, protocol);
    }
  }

  private chain(point: HookPoint, protocol: Protocol): Chain | null {
    const links: Link[] = [];
    const isOut = point === "response" || point === "delivery" || point === "disconnect";
    for (const hook of isOut ? [...this.installed, ...this.watching] : [...this.watching, ...this.installed]) {
      if (hook.point !== point || hook.plugin.off) continue;
      const matcher = compileMatch(hook.match, point, protocol);
      if (matcher !== null) links.push({ hook, ...matcher });
    }
    return links.length === 0 ? null : new Chain(this, links);
  }

  /** From now on `observer` is told what happens; null: nobody is. */
  observe(observer: Observer | null): void {
    this.observer = observer;
    for (const protocol of ["kafka", "mqtt", "amqp"] as const) this[protocol].observer = observer;
  }

  now(): number {
    return this.clock.now();
  }

  sleep(ms: number): Promise<void> {
    return this.clock.sleep(ms);
  }

  /** Throws DecodeError where the hook looked at what cannot be read: its sender is to blame, not the plugin. */
  ask(hook: InstalledHook, event: HookEvent, ordinal: number): Verdict | undefined | Promise<Verdict | undefined> {
    const at = new HookAt(this, hook, event, ordinal);
    try {
      const answer = this.guard.call(hook.run, event, at);
      return answer instanceof Promise ? this.later(hook, at, answer) : this.answered(hook, answer);
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      return this.failed(hook, error);
    }
  }

  /** What goes on once the promise has settled is the broker's: it must not run within the plugin's time. */
  private later(hook: InstalledHook, at: HookAt, answer: Promise<unknown>): Promise<Verdict | undefined> {
    return new Promise((resolve, reject) => {
      let open = true;
      const settle = (judge: () => Verdict | undefined): void => {
        if (open) this.guard.outside(() => resolve(judge()));
        open = false;
      };
      at.abandon = (error) => settle(() => this.failed(hook, error));
      answer.then(
        (verdict) => settle(() => this.answered(hook, verdict)),
        (error) => (error instanceof DecodeError ? reject(error) : settle(() => this.failed(hook, error))),
      );
    });
  }

  /** Settles, never with an error, when `until` has, outside of any plugin's time. */
  settled(until: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => this.guard.outside(resolve);
      Promise.resolve(until).then(done, done);
    });
  }

  /** Asks a function that a hook handed over; what it throws is a failure of the hook too. */
  check(hook: InstalledHook, at: HookAt, state: () => boolean): boolean {
    try {
      return Boolean(this.guard.call(state as Run, undefined, at));
    } catch (error) {
      this.failed(hook, error);
      throw error;
    }
  }

  /** Carries on what a hook left for later. Where that fails, the hook's pending answer will never come. */
  resume(hook: InstalledHook, at: HookAt, work: () => void): void {
    this.guard.resume(hook.run, work, (error) => {
      if (at.abandon === null || !(error instanceof HookTimeout)) this.failed(hook, error);
      else at.abandon(error);
    });
  }

  private answered(hook: InstalledHook, answer: unknown): Verdict | undefined {
    if (answer === undefined || answer === null) {
      hook.plugin.failures = 0;
      return undefined;
    }
    const kind = (answer as Verdict).kind;
    if (!ALLOWED[hook.point].has(kind)) {
      const allowed = [...ALLOWED[hook.point]].join(", ") || "no verdict";
      return this.failed(hook, new TypeError(`${hook.point} takes ${allowed}, not ${kind ?? describe(answer)}`));
    }
    hook.plugin.failures = 0;
    return answer as Verdict;
  }

  /** A hook failed. Answers for it: nothing. */
  failed(hook: InstalledHook, error: unknown): undefined {
    this.blame(hook.plugin, () => `${hook.point} failed: ${this.guard.locate(error, hook)}`, error instanceof HookTimeout);
  }

  /** Counts and reports a failure; switches off a plugin that keeps failing. */
  blame(plugin: PluginRecord, what: () => string, timeout = false): void {
    plugin.errors++;
    plugin.failures++;
    if (timeout) plugin.timeouts++;
    if (plugin.off) return;
    this.print(`plugin ${plugin.name}: ${what()}`);
    if (plugin.failures < this.policy.errors && plugin.timeouts < this.policy.timeouts) return;
    plugin.off = true;
    const why = plugin.timeouts >= this.policy.timeouts ? `${plugin.timeouts} time-outs` : `${plugin.failures} failures in a row`;
    this.print(`PLUGIN SWITCHED OFF: ${plugin.name} (${plugin.file || "built in"}) after ${why}; save the file to try again`);
    this.rebuild(this.installed);
  }

  fired(hook: InstalledHook, event: HookEvent, ordinal: number, verdict: Verdict, held?: number): boolean {
    if (verdict.kind === "replace") {
      try {
        event.change(verdict.changes);
      } catch (error) {
        this.failed(hook, error);
        return false;
      }
    }
    const { kind, reason, ...detail } = verdict;
    const entry = this.journal.write({
      rule: hook.rule,
      protocol: event.protocol,
      name: event.name,
      stream: event.stream,
      ordinal,
      verdict: kind,
      // A promise cannot be written down; how long it held can, and is what a replay waits.
      ...(verdict.kind === "hold" ? { detail: { ms: Math.round(held ?? 0) } } : Object.keys(detail).length > 0 ? { detail } : {}),
      ...(reason === undefined ? {} : { reason }),
    });
    this.count(hook, event, ordinal, kind);
    this.observer?.fired(hook.point, event, entry);
    return true;
  }

  private count(hook: InstalledHook, event: HookEvent, ordinal: number, verdict: VerdictKind | "act"): void {
    const { plugin, rule } = hook;
    const { protocol, name, stream } = event;
    const firing = `${stream}\0${ordinal}`;
    const again = firing === hook.lastAct;
    if (verdict === "act") {
      if (again) return;
      hook.lastAct = firing;
    }
    const key = `${rule} ${verdict}`;
    const fires = this.fires.get(key);
    if (fires === undefined) this.fires.set(key, { rule, verdict, count: 1 });
    else fires.count++;
    if (again) return;
    plugin.fired++;
    for (const listener of this.listeners) listener({ plugin, rule, verdict, protocol, name, stream, ordinal });
  }

  /** A hook used the control surface: written down, so that a replay does it again. */
  acted(hook: InstalledHook, event: HookEvent, ordinal: number, action: string, args: unknown[]): void {
    this.guard.admit();
    this.count(hook, event, ordinal, "act");
    const entry = this.journal.write({
      rule: hook.rule,
      protocol: event.protocol,
      name: event.name,
      stream: event.stream,
      ordinal,
      action,
      detail: args,
    });
    this.observer?.fired(null, event, entry);
  }

  /** What something that no event brought on gets as `at`: the n-th such time of a rule, the next one unless told. */
  atClock(plugin: string, ordinal?: number): At {
    const hook = this.hookOf({ rule: `${plugin}/clock`, plugin, point: "connect", match: {} }, () => undefined);
    return new HookAt(this, hook, NO_EVENT, ordinal ?? hook.streams.next(NO_EVENT.stream));
  }

  log(plugin: PluginRecord, words: unknown[]): void {
    this.print(`plugin ${plugin.name}: ${words.map((word) => (typeof word === "string" ? word : Bun.inspect(word))).join(" ")}`);
  }
}

function describe(value: unknown): string {
  return Bun.inspect(value).split("\n")[0]!.slice(0, 80);
}
