import type { Clock } from "../core/time.ts";
import { compileRule, ruleOf, type CompiledRule } from "./compile.ts";
import type { ActionHouse } from "./action.ts";
import type { LoadedPlugin, Seam } from "../hooks/seam.ts";
import { triggers } from "./triggers.ts";
import type { Rule, World } from "./rule.ts";

/** A rule in force, as it is shown. */
export interface RuleStatus {
  readonly id: string;
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** Where it came from: `file`, `api`, `plugin`, `scenario`, … */
  readonly source: string;
  readonly enabled: boolean;
  /** It may stay unfired in a scenario. */
  readonly optional: boolean;
  /** Events that its match admitted, and how often it fired. */
  readonly matched: number;
  readonly fired: number;
  readonly errors: number;
  /** Switched off because it kept failing. */
  readonly off: boolean;
  /** The name of its fault or preset. */
  readonly fault: string;
  /** As it was given. */
  readonly rule: Rule;
}

export interface RuleHandle extends RuleStatus {
  enabled: boolean;
  status(): RuleStatus;
  /** Out of force; what its fault did to the brokers is taken back. */
  remove(): void;
}

/** Rules of these sources come and go without anybody's asking: so a replay can do it by the clock. */
const BY_ITSELF: ReadonlySet<string> = new Set(["file", "plugin", "scenario"]);

/** A rule fired. */
export interface Fired {
  readonly rule: RuleHandle;
  /** The verdict that was carried out, or `act` for something done to the brokers. */
  readonly verdict: string;
  readonly protocol: string;
  readonly name: string;
  readonly stream: string;
  readonly ordinal: number;
}

/** The rules in force: added and removed while everything runs, beside the plugins of the folder. */
export class Rules {
  private readonly live = new Map<string, LiveRule>();
  /** Plugins made by `rule`, which come and go with the folder's. */
  private readonly plugged = new Map<LoadedPlugin["plugin"], LiveRule>();
  private readonly listeners = new Set<(fired: Fired) => void>();
  private readonly watchers = new Set<() => void>();
  private readonly raisedCounts = new Map<string, number>();

  constructor(
    private readonly seam: Seam,
    private readonly clock: Clock,
    private readonly world: World,
  ) {
    seam.listeners.add((firing) => {
      const rule = this.live.get(firing.plugin.name) ?? [...this.plugged.values()].find((one) => one.id === firing.plugin.name);
      if (rule !== undefined) for (const listener of this.listeners) listener({ ...firing, rule, protocol: firing.protocol });
      if (this.watchers.size > 0) this.changed();
    });
    seam.onInstall = (plugins) => this.adopt(plugins);
  }

  /** Puts a rule in force. Throws RuleError where it does not fit the grammar. */
  add(rule: Rule, options: { source?: string } = {}): RuleHandle {
    return this.addAll([rule], options)[0]!;
  }

  /** The same for several at once: all, or with a RuleError none. */
  addAll(rules: readonly Rule[], { source = "api" }: { source?: string } = {}): RuleHandle[] {
    const added = rules
      .map((rule) => compileRule(rule, this.world))
      .map((compiled) => {
        const rule = new LiveRule(this.freeId(compiled), compiled, source, this.seam, this);
        this.live.set(rule.id, rule);
        return rule;
      });
    this.install();
    return added;
  }

  get(id: string): RuleHandle | undefined {
    return this.live.get(id) ?? [...this.plugged.values()].find((rule) => rule.id === id);
  }

  /** In the order in which they are asked. */
  list(): RuleStatus[] {
    return [...this.plugged.values(), ...this.live.values()].map((rule) => rule.status());
  }

  /** False: there is none of this id. */
  remove(id: string): boolean {
    const rule = this.live.get(id);
    if (rule === undefined) return false;
    this.live.delete(id);
    this.install();
    return true;
  }

  /** Removes all, or those of one source, but those that belong to plugins; returns how many. */
  clear(source?: string): number {
    const gone = [...this.live.values()].filter((rule) => source === undefined || rule.source === source);
    for (const { id } of gone) this.live.delete(id);
    if (gone.length > 0) this.install();
    return gone.length;
  }

  /** Calls `listener` each time a rule fires; returns what ends it. */
  onFired(listener: (fired: Fired) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Something of this name happened: what `{ event: NAME }` in `after` and `until` waits for. */
  raise(event: string): void {
    this.raisedCounts.set(event, (this.raisedCounts.get(event) ?? 0) + 1);
    this.changed();
  }

  /** Lets messages and clients carry faults of their own. */
  allowTriggers(): void {
    this.before = [{ name: "triggers", file: "", plugin: triggers() }];
    this.install();
  }
  private before: readonly LoadedPlugin[] = [];

  /** Takes back what is still in effect; for the end. */
  close(): void {
    for (const rule of [...this.live.values(), ...this.plugged.values()]) rule.disarm();
    this.live.clear();
    this.plugged.clear();
  }

  /** Puts in force what is enabled, and arms and disarms what that changes. */
  install(): void {
    for (const rule of this.armed) if (this.live.get(rule.id) !== rule || !rule.enabled) this.disarm(rule);
    const inForce = [...this.live.values()].filter((rule) => rule.enabled);
    const rules = inForce.map(({ id, compiled, source }) => ({
      name: id,
      file: "",
      plugin: compiled.plugin,
      fault: compiled.kind,
      asked: !BY_ITSELF.has(source),
    }));
    this.seam.installRules([...this.before, ...rules]);
    for (const rule of inForce) this.arm(rule);
  }

  private readonly armed = new Set<LiveRule>();

  private arm(rule: LiveRule): void {
    if (this.armed.has(rule)) return;
    this.armed.add(rule);
    rule.arm(this.house(rule.id));
  }

  private disarm(rule: LiveRule): void {
    this.armed.delete(rule);
    rule.disarm();
  }

  /** The plugins of the folder changed: those that are rules live as rules do. */
  private adopt(plugins: readonly LoadedPlugin[]): void {
    for (const [plugin, rule] of this.plugged) {
      if (plugins.some((one) => one.plugin === plugin)) continue;
      this.plugged.delete(plugin);
      this.disarm(rule);
    }
    for (const { name, plugin } of plugins) {
      const compiled = ruleOf(plugin);
      if (compiled === undefined || this.plugged.has(plugin)) continue;
      const rule = new LiveRule(name, compiled, "plugin", this.seam, this);
      this.plugged.set(plugin, rule);
      this.arm(rule);
    }
  }

  private house(id: string): ActionHouse {
    return {
      now: () => this.clock.now(),
      watch: (changed) => {
        this.watchers.add(changed);
        return () => this.watchers.delete(changed);
      },
      firedOf: (rule) => this.firedOf(rule),
      raised: (event) => this.raisedCounts.get(event) ?? 0,
      at: () => this.seam.atClock(id),
      after: (ms, run) => this.clock.after(ms, run),
      failed: (error) => this.seam.blame(this.seam.record(id), () => (error instanceof Error ? error.message : String(error))),
    };
  }

  private firedOf(name: string): number {
    const rule = this.get(name);
    if (rule !== undefined) return rule.fired;
    // A part of a preset.
    for (const { compiled } of this.armed) for (const part of compiled.parts) if (part.name === name) return part.gate.fired;
    return 0;
  }

  private changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  /** The rule's name, or its fault's, with a number where there is one of that name already. */
  private freeId({ rule, kind }: CompiledRule): string {
    const name = rule.name ?? kind;
    const taken = (id: string): boolean => id === "triggers" || this.live.has(id) || this.seam.isPlugged(id);
    let id = name;
    for (let n = 2; taken(id); n++) id = `${name}-${n}`;
    return id;
  }
}

class LiveRule implements RuleHandle {
  private isEnabled: boolean;

  constructor(
    readonly id: string,
    readonly compiled: CompiledRule,
    readonly source: string,
    private readonly seam: Seam,
    private readonly rules: Rules,
  ) {
    this.isEnabled = compiled.rule.enabled;
    // An id that was given back is taken from the start.
    seam.record(id).fired = 0;
  }

  get rule(): Rule {
    return this.compiled.given;
  }
  get name(): string | undefined {
    return this.compiled.rule.name;
  }
  get fault(): string {
    return this.compiled.kind;
  }
  get description(): string | undefined {
    return this.compiled.rule.description;
  }
  get optional(): boolean {
    return this.compiled.rule.optional;
  }
  get matched(): number {
    return this.compiled.parts.reduce((sum, { gate }) => sum + gate.matched, 0);
  }
  get fired(): number {
    return this.seam.record(this.id).fired;
  }
  get errors(): number {
    return this.seam.record(this.id).errors;
  }
  get off(): boolean {
    return this.seam.record(this.id).off;
  }
  get enabled(): boolean {
    return this.isEnabled;
  }
  set enabled(enabled: boolean) {
    if (enabled === this.isEnabled) return;
    this.isEnabled = enabled;
    this.rules.install();
  }

  status(): RuleStatus {
    const { id, name, description, source, enabled, optional, matched, fired, errors, off, fault, rule } = this;
    return { id, name, description, source, enabled, optional, matched, fired, errors, off, fault, rule };
  }

  remove(): void {
    if (this.rules.get(this.id) === this) this.rules.remove(this.id);
  }

  arm(house: ActionHouse): void {
    for (const { gate, action } of this.compiled.parts) {
      gate.arm(house);
      action?.arm(house);
    }
  }

  disarm(): void {
    for (const { action } of this.compiled.parts) action?.disarm();
  }
}
