import type { HookEvent } from "../hooks/event.ts";
import type { At } from "../hooks/plugin.ts";
import type { MomentRead, PER, WhenRead } from "./grammar.ts";

/** What a rule in force knows of the house it is in; null for a plugin outside of one. */
export interface RuleHouse {
  now(): number;
  /** Calls `changed` whenever a rule fires or an event is raised; returns what ends it. */
  watch(changed: () => void): () => void;
  /** How often the rule with this id, or this part of a preset, fired. */
  firedOf(rule: string): number;
  /** How often an event of this name was raised. */
  raised(event: string): number;
}

/** Keys, clients or connections whose counts are kept; past it the oldest begins again. */
const SCOPES_MOST = 100_000;

class Scope {
  /** What the match admitted, and how much of it while the window was open. */
  matched = 0;
  inWindow = 0;
  fired = 0;
  firedAt = -Infinity;
}

/** A moment of `after` or `until`, and whether it has come. */
class Mark {
  /** How often the watched match admitted something. */
  seen = 0;
  /** When it was seen to have come; null: not yet. */
  private cameAt: number | null = null;
  private base = 0;

  constructor(readonly moment: MomentRead) {}

  /** What counts is what happens from now on. */
  begin(house: RuleHouse | null): void {
    this.cameAt = null;
    this.seen = 0;
    this.base = house === null ? 0 : this.total(house);
  }

  private total(house: RuleHouse): number {
    const { rule, event } = this.moment;
    return rule !== undefined ? house.firedOf(rule) : event !== undefined ? house.raised(event) : 0;
  }

  /** Since when it holds, for this event; null: it does not. */
  since(scope: Scope | null, event: HookEvent | null, now: number, armedAt: number, house: RuleHouse | null): number | null {
    const { time, messages, offset, match, times } = this.moment;
    if (time !== undefined) return now - armedAt >= time ? armedAt + time : null;
    // Of the event that is asked about, which `matched` counts already, all before it are counted.
    if (messages !== undefined) return scope !== null && scope.matched > messages ? now : null;
    if (offset !== undefined) return ((event as unknown as { offset?: number } | null)?.offset ?? -1) >= offset ? now : null;
    if (this.cameAt === null && (match !== undefined ? this.seen : house === null ? 0 : this.total(house) - this.base) >= times)
      this.cameAt = now;
    return this.cameAt;
  }
}

/** Decides, event by event, whether a rule fires: the `when` of its grammar. */
export class Gate {
  matched = 0;
  fired = 0;
  readonly after: Mark | null;
  readonly until: Mark | null;
  private armedAt: number | null = null;
  /** When the window opened, and for `for`, when it is over. */
  private openedAt: number | null = null;
  private readonly nth: ReadonlySet<number> | null;
  private readonly times: number;
  private readonly streams: ReadonlySet<string> | null;
  private readonly per: (typeof PER)[number] | undefined;
  private readonly whole = new Scope();
  private readonly scopes = new Map<string, Scope>();
  private house: RuleHouse | null = null;

  constructor(
    private readonly when: WhenRead | undefined,
    private readonly lasts: number,
  ) {
    const { after = when?.window?.from, until = when?.window?.to, nth, times, once } = when ?? {};
    this.after = after === undefined ? null : new Mark(after);
    this.until = until === undefined ? null : new Mark(until);
    this.nth = nth === undefined ? null : new Set(Array.isArray(nth) ? nth : [nth]);
    this.times = once ? 1 : (times ?? Infinity);
    this.streams = when?.stream === undefined ? null : new Set([when.stream].flat());
    this.per = when?.per ?? (this.streams === null ? undefined : "stream");
  }

  /** The rule is in force from now on; all counts begin. */
  arm(house: RuleHouse): void {
    this.house = house;
    this.armedAt = house.now();
    this.matched = this.fired = 0;
    this.openedAt = null;
    Object.assign(this.whole, new Scope());
    this.scopes.clear();
    this.after?.begin(house);
    this.until?.begin(house);
  }

  /** Whether the window is open for something that is no event: a moment of the clock. */
  isOpen(now: number): boolean {
    return this.opens(null, null, now);
  }

  /** Whether `until` or the end of `for` has come. */
  isOver(now: number): boolean {
    return (this.until?.since(this.whole, null, now, this.armedAt ?? now, this.house) ?? null) !== null;
  }

  /**
   * Counts an event that the match admits, and says whether the rule fires on it. Draws from `at.random` where
   * there is a probability. `isTick`: the time between two is kept by the caller.
   */
  passes(event: HookEvent, at: At, isTick = false): boolean {
    const now = this.needsTime ? at.clock.now() : 0;
    this.armedAt ??= now;
    this.matched++;
    if (this.streams !== null && !this.streams.has(event.stream)) return false;
    const scope = this.per === undefined ? this.whole : this.scopeOf(this.per, event);
    scope.matched++;
    if (!this.opens(scope, event, now)) return false;
    scope.inWindow++;
    if (scope.fired >= this.times) return false;
    if (this.nth !== null && !this.nth.has(scope.inWindow)) return false;
    const { every, probability } = this.when ?? {};
    if (every !== undefined && ("count" in every ? scope.inWindow % every.count !== 0 : !isTick && now - scope.firedAt < every.ms))
      return false;
    if (probability !== undefined && !at.random.chance(probability)) return false;
    scope.fired++;
    scope.firedAt = now;
    this.fired++;
    return true;
  }

  /** The fault had nothing to do with the event after all. */
  takeBack(event: HookEvent): void {
    this.fired--;
    (this.per === undefined ? this.whole : this.scopeOf(this.per, event)).fired--;
  }

  private get needsTime(): boolean {
    const { when } = this;
    return this.after !== null || this.until !== null || this.lasts !== Infinity || (when?.every !== undefined && "ms" in when.every);
  }

  private opens(scope: Scope | null, event: HookEvent | null, now: number): boolean {
    const armedAt = this.armedAt ?? now;
    if (this.after !== null) {
      const since = this.after.since(scope, event, now, armedAt, this.house);
      if (since === null) return false;
      this.openedAt ??= since;
    } else this.openedAt ??= armedAt;
    if (now - this.openedAt >= this.lasts) return false;
    return this.until === null || this.until.since(scope, event, now, armedAt, this.house) === null;
  }

  private scopeOf(per: (typeof PER)[number], event: HookEvent): Scope {
    const name = scopeName(per, event);
    let scope = this.scopes.get(name);
    if (scope === undefined) {
      if (this.scopes.size >= SCOPES_MOST) this.scopes.delete(this.scopes.keys().next().value!);
      this.scopes.set(name, (scope = new Scope()));
    }
    return scope;
  }
}

function scopeName(per: (typeof PER)[number], event: HookEvent): string {
  const { connection } = event;
  switch (per) {
    case "connection":
      return connection === null ? "" : `${event.protocol} ${connection.id}`;
    case "client":
      return connection === null ? "" : `${event.protocol} ${connection.clientId}`;
    case "stream":
      return event.stream;
    case "key":
      return String(event.fact("key") ?? "");
    case "topic":
      return topicOf(event);
    case "partition":
      return `${topicOf(event)} ${String(event.fact("partition") ?? "")}`;
  }
}

/** Topic, exchange or queue, whatever the protocol has. */
function topicOf(event: HookEvent): string {
  const destination = (event as unknown as { destination?: string }).destination;
  return `${event.protocol} ${destination ?? String(event.fact("topic") ?? event.fact("exchange") ?? event.fact("queue") ?? "")}`;
}
