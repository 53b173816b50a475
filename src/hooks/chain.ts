import type { Fact, FactName, HookEvent } from "./event.ts";
import { SORTING, some, type Matcher } from "./match.ts";
import type { InstalledHook } from "./seam.ts";
import type { ConnectionInfo } from "./plugin.ts";
import type { Close, Drop, Duplicate, Expire, Fail, Hang, Reorder, Reply, Reroute, Verdict } from "./verdicts.ts";
import type { Asides } from "./reordering.ts";

/** What is left to do for the protocol: waiting and `replace` are done by the chain. Null: go on. */
export type Final = Drop | Fail | Reply | Duplicate | Reroute | Expire | Hang | Close | Later;
/** A message that lets others pass: it is dealt with, as if no verdict had been given, when `go` calls back. */
export interface Later {
  readonly kind: "later";
  go(run: () => void): void;
}
export type Decision = Final | null | Promise<Final | null>;

/** What a chain needs of the seam: the guarded call of one hook, and time. */
export interface ChainHost {
  /** Calls the hook for this event; a hook that fails answers nothing. */
  ask(hook: InstalledHook, event: HookEvent, ordinal: number): Verdict | undefined | Promise<Verdict | undefined>;
  /** Writes a fired verdict to the journal. False: the verdict does not fit this hook point, and was reported. */
  fired(hook: InstalledHook, event: HookEvent, ordinal: number, verdict: Verdict, held?: number): boolean;
  sleep(ms: number): Promise<void>;
  readonly asides: Asides;
  /** Settles when what `hold` waits for has settled, one way or the other. */
  settled(until: Promise<unknown>): Promise<void>;
  now(): number;
}

/** A hook within a chain, with its match compiled for the chain's protocol. */
export interface Link extends Matcher {
  readonly hook: InstalledHook;
}

/** From so many hooks on that name a fact they are sorted by it. */
const SORTED_FROM = 3;
/** Names, or values of a fact, that are remembered. */
const MEMO_MOST = 10_000;

/** The hooks of one point and protocol, in the order of their plugins. */
export class Chain {
  private readonly byName = new Map<string, Chain | null>();
  private readonly byConnection = new WeakMap<ConnectionInfo, Chain | null>();
  private forNobody: Chain | null | undefined;
  private readonly byFact = new Map<string, Chain | null>();
  // The same comes again and again: one look is cheaper than a table.
  private lastName: string | null = null;
  private lastNamed: Chain | null = null;
  private lastConnection: ConnectionInfo | null = null;
  private lastConnected: Chain | null = null;
  private lastAsker: ConnectionInfo | null | undefined;
  private lastSelected: Chain | null = null;
  private lastFact: string | null = null;
  private lastFound: Chain | null = null;
  private readonly asksConnection: boolean;
  /** The fact that hooks are told apart by before they are asked; null where that would not pay. */
  readonly sortedBy: FactName | null;

  /** @param sorted facts that these hooks were told apart by already */
  constructor(
    private readonly host: ChainHost,
    private readonly links: readonly Link[],
    private readonly sorted: readonly FactName[] = [],
  ) {
    this.asksConnection = links.some(({ connected }) => connected !== null);
    this.sortedBy =
      SORTING.find((fact) => !sorted.includes(fact) && links.filter(({ facts }) => facts.has(fact)).length >= SORTED_FROM) ?? null;
  }

  /**
   * The part of this chain that can concern the operation or destination `name` on this connection;
   * null when there is none and nothing needs to be decoded. Remembered for both.
   */
  select(connection: ConnectionInfo | null, name: string): Chain | null {
    return name === this.lastName && connection === this.lastAsker ? this.lastSelected : this.selectAnew(connection, name);
  }

  private selectAnew(connection: ConnectionInfo | null, name: string): Chain | null {
    const named = name === this.lastName ? this.lastNamed : this.named(name);
    this.lastAsker = connection;
    return (this.lastSelected = named === null || !named.asksConnection ? named : named.connected(connection));
  }

  /** The part that can concern this name, whatever the connection. */
  private named(name: string): Chain | null {
    let chosen = this.byName.get(name);
    if (chosen === undefined) {
      if (this.byName.size >= MEMO_MOST) this.byName.clear();
      chosen = this.part((link) => link.named === null || link.named(name));
      this.byName.set(name, chosen);
    }
    this.lastName = name;
    return (this.lastNamed = chosen);
  }

  private connected(connection: ConnectionInfo | null): Chain | null {
    if (connection === null)
      return this.forNobody === undefined ? (this.forNobody = this.part((link) => link.connected === null)) : this.forNobody;
    if (connection === this.lastConnection) return this.lastConnected;
    let chosen = this.byConnection.get(connection);
    if (chosen === undefined) {
      chosen = this.part((link) => link.connected === null || link.connected(connection));
      this.byConnection.set(connection, chosen);
    }
    this.lastConnection = connection;
    return (this.lastConnected = chosen);
  }

  private part(keep: (link: Link) => boolean, sorted = this.sorted): Chain | null {
    const links = this.links.filter(keep);
    if (links.length === 0) return null;
    return links.length === this.links.length && sorted === this.sorted ? this : new Chain(this.host, links, sorted);
  }

  /** The connection's client id or user became known: what was remembered for it no longer holds. */
  forget(connection: ConnectionInfo): void {
    this.byConnection.delete(connection);
    this.lastConnection = this.lastConnected = null;
    this.lastAsker = undefined;
    for (const chain of this.byName.values()) if (chain !== this) chain?.forget(connection);
  }

  /**
   * The part that can concern events of which this fact has this value, for those who know it before
   * there is an event. The event is asked again about what is left.
   */
  about(name: FactName, fact: Fact): Chain | null {
    return this.sortedBy === name ? this.sort(fact) : this;
  }

  /** The part that can concern this event, as far as it can be told without asking each hook. */
  concerning(event: HookEvent): Chain | null {
    return this.sortedBy === null ? this : (this.sort(event.fact(this.sortedBy))?.concerning(event) ?? null);
  }

  private sort(fact: Fact): Chain | null {
    const only = typeof fact === "object" && fact !== null ? (fact.length === 1 ? fact[0] : fact) : fact;
    const key = typeof only === "string" ? only : `\0${typeof only === "object" && only !== null ? only.join("\0") : String(only)}`;
    if (key === this.lastFact) return this.lastFound;
    const name = this.sortedBy!;
    let chosen = this.byFact.get(key);
    if (chosen === undefined) {
      if (this.byFact.size >= MEMO_MOST) this.byFact.clear();
      chosen = this.part(
        ({ facts }) => {
          const test = facts.get(name);
          return test === undefined || some(only, test);
        },
        [...this.sorted, name],
      );
      this.byFact.set(key, chosen);
    }
    this.lastFact = key;
    return (this.lastFound = chosen);
  }

  /** Asks the hooks in turn. A promise means that this direction of the connection has to wait for it. */
  decide(event: HookEvent): Decision {
    const { asides } = this.host;
    if (asides.isEmpty) return this.judge(event);
    const line = this.lineOf(event);
    asides.release(line);
    const decision = this.judge(event);
    const passed = (final: Final | null): Final | null => {
      if (final === null || final.kind === "duplicate") asides.passed(line);
      return final;
    };
    return decision instanceof Promise ? decision.then(passed) : passed(decision);
  }

  /** Where the order of messages means something: at their destination, or with their consumer. */
  private lineOf(event: HookEvent): string {
    const { point } = this.links[0]!.hook;
    const place = `${point} ${event.protocol} ${event.name} ${event.fact("partition") ?? ""}`;
    return point === "delivery" ? `${place} ${event.connection?.id}` : place;
  }

  private finalOf(event: HookEvent, verdict: Final | Reorder): Final {
    if (verdict.kind !== "reorder") return verdict;
    const { asides } = this.host;
    const line = this.lineOf(event);
    asides.passed(line);
    return { kind: "later", go: asides.put(line, verdict.places, verdict.ms) };
  }

  private judge(event: HookEvent): Decision {
    if (this.sortedBy !== null) return this.concerning(event)?.judge(event) ?? null;
    let wait = 0;
    for (let i = 0; i < this.links.length; i++) {
      const link = this.links[i]!;
      if (link.hook.plugin.off || (link.admits !== null && !link.admits(event))) continue;
      const ordinal = link.hook.streams.next(event.stream);
      const verdict = this.host.ask(link.hook, event, ordinal);
      if (verdict === undefined) continue;
      if (verdict instanceof Promise || verdict.kind === "hold") return this.decideLater(event, i, ordinal, verdict, wait);
      if (!this.host.fired(link.hook, event, ordinal, verdict)) continue;
      if (verdict.kind === "delay") {
        wait += verdict.ms;
        if (verdict.tell === true) event.tell?.(verdict.reason ?? "");
      } else if (verdict.kind !== "replace") {
        const given = verdict as Final | Reorder;
        return wait > 0 ? this.host.sleep(wait).then(() => this.finalOf(event, given)) : this.finalOf(event, given);
      }
    }
    return wait > 0 ? this.host.sleep(wait).then(() => null) : null;
  }

  /** The same from hook `i` on, once an answer has to be waited for. */
  private async decideLater(
    event: HookEvent,
    i: number,
    ordinal: number,
    pending: Verdict | Promise<Verdict | undefined>,
    wait: number,
  ): Promise<Final | null> {
    // A replay waits from when it is asked: so the time is taken from then on.
    let asked = this.host.now();
    let verdict = await pending;
    for (;;) {
      const { hook } = this.links[i]!;
      if (verdict !== undefined) {
        let held: number | undefined;
        if (verdict.kind === "hold") {
          await this.host.settled(verdict.until);
          held = this.host.now() - asked;
        }
        if (this.host.fired(hook, event, ordinal, verdict, held)) {
          if (verdict.kind === "delay") {
            wait += verdict.ms;
            if (verdict.tell === true) event.tell?.(verdict.reason ?? "");
          } else if (verdict.kind !== "replace" && verdict.kind !== "hold") {
            if (wait > 0) await this.host.sleep(wait);
            return this.finalOf(event, verdict);
          }
        }
      }
      for (;;) {
        if (++i >= this.links.length) {
          if (wait > 0) await this.host.sleep(wait);
          return null;
        }
        const link = this.links[i]!;
        if (!link.hook.plugin.off && (link.admits === null || link.admits(event))) break;
      }
      const next = this.links[i]!.hook;
      ordinal = next.streams.next(event.stream);
      asked = this.host.now();
      verdict = await this.host.ask(next, event, ordinal);
    }
  }
}
