import type { JournalEntry } from "../../src/journal/journal.ts";
import type { Protocol } from "../../src/hooks/plugin.ts";
import type { Verdict } from "../../src/hooks/verdicts.ts";

/** One message that a client sent. Its id is its payload. */
export interface Sent {
  readonly id: string;
  readonly protocol: Protocol;
  /** The client's name. */
  readonly by: string;
  /** `kt-0`, `t/a`, `exchange→key`. */
  readonly to: string;
  /** Counted from 0 for each client and destination. */
  readonly n: number;
  /** How often it was sent. */
  attempts: number;
  /** The sender was told that it arrived. */
  isAcked: boolean;
}

/** Something that must not be, with the seed told by whoever catches it. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export function must(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Violation(what());
}

/** What the clients know: every message that was sent, and what became of it as far as they heard. */
export class Ledger {
  readonly sent = new Map<string, Sent>();
  /** What happened at the clients, in order: the same in every run with the same seed. */
  readonly trace: string[] = [];
  /** When each message was first seen by a client that it had been sent to. */
  readonly received = new Map<string, number>();
  /** The latest generation of the Kafka group that a member has heard of. */
  generation = 0;
  /** How often AMQP consumers settled a message for good, by queue and id, as far as the broker is sure to have heard of it. */
  readonly settled = new Map<string, number>();
  private readonly counts = new Map<string, number>();

  send(protocol: Protocol, by: string, to: string): Sent {
    const key = `${by} ${to}`;
    const n = this.counts.get(key) ?? 0;
    this.counts.set(key, n + 1);
    const message: Sent = { id: `${by}.${this.sent.size}`, protocol, by, to, n, attempts: 1, isAcked: false };
    this.sent.set(message.id, message);
    return message;
  }

  /** A payload came to a client at this time. */
  receive(payload: string, now: number): Sent {
    const message = this.origin(payload);
    if (!this.received.has(message.id)) this.received.set(message.id, now);
    return message;
  }

  /** The message behind a payload; hooks mark what they replaced with "!", and say of themselves that they made one. */
  origin(payload: string): Sent {
    const id = idOf(payload);
    const found = this.sent.get(id);
    if (found === undefined && id.startsWith("plugin:"))
      return { id, protocol: "kafka", by: "plugin", to: "", n: 0, attempts: 1, isAcked: false };
    must(found !== undefined, () => `nobody sent ${JSON.stringify(payload)}`);
    return found;
  }

  note(who: string, what: string): void {
    this.trace.push(`${who} ${what}`);
  }
}

/** The id of a message without the marks of hooks that replaced its payload. */
export function idOf(payload: string): string {
  return payload.replace(/!+$/, "");
}

/** Adds to a number in a map. */
export function count<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

export interface Fate {
  readonly point: string;
  readonly kind: Verdict["kind"];
  /** The consumer's client id for a delivery, else the sender's; empty where there is none. */
  readonly client: string;
  readonly entry: JournalEntry;
}

/** The journal as the checks ask it. The chaos plugin gives as its reason which messages a verdict was about. */
export class Fates {
  private readonly byMessage = new Map<string, Fate[]>();
  private readonly byClient = new Map<string, Fate[]>();
  readonly all: Fate[] = [];
  /** Payloads that hooks published through the control surface. */
  readonly published = new Set<string>();

  constructor(entries: readonly JournalEntry[]) {
    for (const entry of entries) {
      if (entry.action === "publish") this.published.add((entry.detail as [{ payload: string }])[0].payload);
      if (entry.verdict === undefined) continue;
      const point = /\/([a-z]+)/.exec(entry.rule)![1]!;
      const fate: Fate = { point, kind: entry.verdict, client: clientOf(entry.stream), entry };
      this.all.push(fate);
      push(this.byClient, fate.client, fate);
      for (const payload of entry.reason?.split(",") ?? []) push(this.byMessage, idOf(payload), fate);
    }
  }

  /** What hooks decided about a message, as far as `wanted` names it: "message drop", "delivery", … */
  about(id: string, ...wanted: string[]): Fate[] {
    return (this.byMessage.get(idOf(id)) ?? []).filter(({ point, kind }) =>
      wanted.some((one) => one === point || one === `${point} ${kind}`),
    );
  }

  of(client: string, ...wanted: string[]): Fate[] {
    return (this.byClient.get(client) ?? []).filter(({ point, kind }) => wanted.some((one) => one === point || one === `${point} ${kind}`));
  }

  /** Copies of a message that `duplicate` added before it was stored. */
  doubled(id: string): number {
    return this.about(id, "message duplicate").reduce((sum, { entry }) => sum + (entry.detail as { times: number }).times, 0);
  }

  /** How often a message was sent somewhere else, to where `there` says yes. */
  rerouted(id: string, there: (to: any) => boolean): number {
    return this.about(id, "message reroute", "delivery reroute").filter(({ entry }) => there((entry.detail as { to: object }).to)).length;
  }
}

/** Streams name the client in one of two ways: `mqtt/m1#2/PUBLISH` and `mqtt:t/a→m1`. */
function clientOf(stream: string): string {
  return /^[a-z]+\/([^#@/]*)/.exec(stream)?.[1] ?? /→(.*)$/.exec(stream)?.[1] ?? "";
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
