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
  /** Gets a message for good, where `noAck`. */
  deliver(message: Message, redelivered: boolean): void;
  /** Gets a message that it will settle, give back or reject. */
  hold(entry: Held): void;
  /** The queue is gone. */
  cancelled(): void;
}

/** The consumers of one queue: higher priorities first, and in turn among equals. */
export class Consumers {
  private readonly groups: { readonly priority: number; readonly takers: Taker[]; turn: number }[] = [];
  count = 0;
  /** The one that has the queue for itself. */
  exclusive: Taker | null = null;
  /** The only one that is served, where the queue has a single active consumer. */
  private active: Taker | null = null;

  constructor(private readonly single: boolean) {}

  add(taker: Taker): void {
    let at = this.groups.findIndex((group) => group.priority <= taker.priority);
    if (at < 0) at = this.groups.length;
    if (this.groups[at]?.priority !== taker.priority) this.groups.splice(at, 0, { priority: taker.priority, takers: [], turn: 0 });
    this.groups[at]!.takers.push(taker);
    this.count++;
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
    this.count--;
    if (this.exclusive === taker) this.exclusive = null;
    if (this.active === taker) this.active = this.groups[0]?.takers[0] ?? null;
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
      }
    }
    return null;
  }

  clear(): Taker[] {
    const all = this.groups.flatMap((group) => group.takers);
    this.groups.length = 0;
    this.count = 0;
    this.exclusive = this.active = null;
    return all;
  }
}
