import type { Departure, MessageId } from "../hooks/observer.ts";
import type { ConnectionInfo, Protocol } from "../hooks/plugin.ts";
import type { Fault } from "./faulted.ts";

/** What happened in one place, in messages; those of a consumer are counted once for each of them. */
export interface Counts {
  stored: number;
  /** Of these, copies that are there already. */
  duplicates: number;
  /** To each consumer, group or subscriber, the first time. */
  delivered: number;
  acknowledged: number;
  /** Delivered again before they were acknowledged. */
  redelivered: number;
  deadLettered: number;
  expired: number;
  /** Purged, deleted, or gone with the session they waited in. */
  removed: number;
  rerouted: number;
  /** Not stored, and the sender was told or heard nothing. */
  refused: number;
  lost: number;
}

export const COUNTS = [
  "stored",
  "duplicates",
  "delivered",
  "acknowledged",
  "redelivered",
  "deadLettered",
  "expired",
  "removed",
  "rerouted",
  "refused",
  "lost",
] as const satisfies readonly (keyof Counts)[];

/** What one consumer, group or subscriber had of one message. */
export interface Taker {
  readonly consumer: string;
  /** Copies that it is owed (MQTT). */
  queued: number;
  delivered: number;
  acknowledged: number;
  /** When it was last delivered, in the order of all that happened. */
  at: number;
  connection: ConnectionInfo | null;
  tag: number;
  /** It came back, and waits again. */
  waits: boolean;
  /** A verdict kept it away: whether for good, and the faults. */
  withheld: { forGood: boolean; faults: readonly Fault[]; verdict: string } | null;
  gone: Departure | null;
}

/** One message in one place. */
export class Item {
  readonly takers: Taker[] = [];
  /** How often it was stored under one id. */
  copies = 1;
  gone: Departure | null = null;

  constructor(
    readonly book: Book,
    readonly id: MessageId,
    readonly key: string | null,
    readonly print: string,
    /** `clientOf` its sender; null when it was published from within. */
    readonly sender: string | null,
    readonly connection: ConnectionInfo | null,
    readonly at: number,
    readonly faults: readonly Fault[],
  ) {}

  get offset(): number | null {
    return typeof this.id === "number" ? this.id : null;
  }

  taker(consumer: string): Taker {
    let taker = this.takers.find((one) => one.consumer === consumer);
    if (taker === undefined) {
      taker = {
        consumer,
        queued: 0,
        delivered: 0,
        acknowledged: 0,
        at: 0,
        connection: null,
        tag: 0,
        waits: false,
        withheld: null,
        gone: null,
      };
      this.takers.push(taker);
    }
    return taker;
  }

  find(consumer: string): Taker | undefined {
    return this.takers.find((one) => one.consumer === consumer);
  }
}

/** Where a consumer group stands in one Kafka partition. */
export interface Position {
  /** The first offset that it was given. */
  first: number;
  committed: number;
  /** Fetches that may have been another group's count for it: what it was given is not known for sure. */
  unsure: boolean;
}

/** Keys whose order is watched in one place. */
const KEYS_MOST = 100_000;

/** The account of one place: a Kafka partition, an AMQP queue, an MQTT topic. */
export class Book {
  readonly counts = Object.fromEntries(COUNTS.map((name) => [name, 0])) as unknown as Counts;
  readonly items = new Map<MessageId, Item>();
  /** In the order in which they were stored; `head` is the first that is still accounted for. */
  order: Item[] = [];
  head = 0;
  /** The newest message of each fingerprint. */
  readonly prints = new Map<string, Item>();
  readonly groups = new Map<string, Position>();
  private readonly latest = new Map<string, number>();

  constructor(
    readonly protocol: Protocol,
    readonly place: string,
  ) {}

  add(item: Item): void {
    this.items.set(item.id, item);
    this.prints.set(item.print, item);
    this.order.push(item);
  }

  /** Lets go of the oldest message. */
  forget(item: Item): void {
    if (this.items.get(item.id) === item) this.items.delete(item.id);
    if (this.prints.get(item.print) === item) this.prints.delete(item.print);
    while (this.head < this.order.length && this.order[this.head]!.at <= item.at) this.head++;
    if (this.head > 1000 && this.head * 2 > this.order.length) {
      this.order = this.order.slice(this.head);
      this.head = 0;
    }
  }

  *all(): IterableIterator<Item> {
    for (let i = this.head; i < this.order.length; i++) yield this.order[i]!;
  }

  /** Messages from an offset on, up to but without another. */
  *between(from: number, to: number): IterableIterator<Item> {
    let low = this.head,
      high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.order[middle]!.id as number) < from) low = middle + 1;
      else high = middle;
    }
    for (; low < this.order.length && (this.order[low]!.id as number) < to; low++) yield this.order[low]!;
  }

  /** False when something later in the same line came before. */
  inOrder(line: string, at: number): boolean {
    const last = this.latest.get(line);
    if (last !== undefined && at < last) return false;
    this.latest.delete(line);
    if (this.latest.size >= KEYS_MOST) this.latest.delete(this.latest.keys().next().value!);
    this.latest.set(line, at);
    return true;
  }

  group(name: string): Position {
    let position = this.groups.get(name);
    if (position === undefined) this.groups.set(name, (position = { first: Infinity, committed: -1, unsure: false }));
    return position;
  }
}
