import type { Held } from "./queue.ts";
import type { Message } from "./message.ts";

/** A consumer, as a queue sees it. */
export interface Taker {
  /** Deliveries count as settled when they are sent. */
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** Consumers of a higher one are served first, as long as they can take. */
  readonly priority: number;
  /** It has credit, and its connection takes bytes. */
  readonly ready: boolean;
  /** Its turn came while it could not take anything. */
  isBlocked: boolean;
  /** Gets a message for good, where `noAck`. */
  deliver(message: Message, redelivered: boolean): void;
  /** Gets a message that it will settle, give back or reject. */
  hold(entry: Held): void;
  /** The queue is gone. */
  cancelled(): void;
}

/** Consumers of one priority, in a ring. */
interface Group {
  readonly priority: number;
  readonly takers: Taker[];
  /** Whose turn it is; the length of the ring is its beginning. */
  turn: number;
}

/** The consumers of one queue: higher priorities first, and in turn among equals. */
export class Consumers {
  private readonly groups: Group[] = [];
  /** In the order in which they came. */
  private readonly all = new Set<Taker>();
  /** The one that has the queue for itself. */
  exclusive: Taker | null = null;
  /** The only one that is served, where the queue has a single active consumer. */
  private active: Taker | null = null;

  constructor(private readonly single: boolean) {}

  get count(): number {
    return this.all.size;
  }

  add(taker: Taker): void {
    let at = this.groups.findIndex((group) => group.priority <= taker.priority);
    if (at < 0) at = this.groups.length;
    if (this.groups[at]?.priority !== taker.priority) this.groups.splice(at, 0, { priority: taker.priority, takers: [], turn: 0 });
    this.enqueue(this.groups[at]!, taker);
    this.all.add(taker);
    if (taker.exclusive) this.exclusive = taker;
    this.active ??= taker;
  }

  remove(taker: Taker): boolean {
    const at = this.groups.findIndex((group) => group.takers.includes(taker));
    if (at < 0) return false;
    const group = this.groups[at]!;
    const index = group.takers.indexOf(taker);
    group.takers.splice(index, 1);
    if (group.turn > index) group.turn--;
    if (group.takers.length === 0) this.groups.splice(at, 1);
    this.all.delete(taker);
    if (this.exclusive === taker) this.exclusive = null;
    if (this.active === taker) this.active = this.first();
    return true;
  }

  /** Whose turn it is among those that can take a message now; null: nobody can. */
  next(): Taker | null {
    if (this.single) return this.active?.ready ? this.active : null;
    for (let g = 0; g < this.groups.length; g++) {
      const group = this.groups[g]!;
      const { takers } = group;
      for (let i = 0; i < takers.length; i++) {
        if (group.turn >= takers.length) group.turn = 0;
        const taker = takers[group.turn++]!;
        if (taker.ready) return taker;
        taker.isBlocked = true;
      }
    }
    return null;
  }

  /** One whose turn had passed can take messages again: it comes after all others, as in RabbitMQ. */
  unblock(taker: Taker): void {
    taker.isBlocked = false;
    const group = this.groups.find(({ takers }) => takers.includes(taker));
    if (group === undefined || group.takers.length === 1) return;
    const index = group.takers.indexOf(taker);
    group.takers.splice(index, 1);
    if (group.turn > index) group.turn--;
    this.enqueue(group, taker);
  }

  /** Its turn comes when all others had theirs: just before that of the one who is next. */
  private enqueue(group: Group, taker: Taker): void {
    if (group.turn >= group.takers.length) {
      group.turn = 0;
      group.takers.push(taker);
    } else group.takers.splice(group.turn++, 0, taker);
  }

  private first(): Taker | null {
    const group = this.groups[0];
    return group === undefined ? null : group.takers[group.turn % group.takers.length]!;
  }

  clear(): Taker[] {
    const all = [...this.all];
    this.groups.length = 0;
    this.all.clear();
    this.exclusive = this.active = null;
    return all;
  }
}
