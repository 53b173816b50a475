import type { AmqpQueue, Held } from "../model/queue.ts";
import type { Consumer } from "./consumer.ts";

/** A message that a channel got and has not settled. */
export class Delivery {
  isSettled = false;
  constructor(
    readonly tag: number,
    /** Null for one that a plugin made more of: it has a tag and nothing behind it. */
    readonly entry: Held | null,
    readonly queue: AmqpQueue,
    /** Null for what `basic.get` got. */
    readonly consumer: Consumer | null,
  ) {}
}

/**
 * The deliveries of a channel that wait for their acknowledgement, in the order of their tags. They
 * are mostly acknowledged in that order; one that is held back among many leaves no trail of holes.
 */
export class Unacked {
  /** Live from `head` on, holes among them being settled ones. */
  private list: Delivery[] = [];
  private head = 0;
  private live = 0;

  get size(): number {
    return this.live;
  }

  add(delivery: Delivery): void {
    // Half of the list being holes, it is cheaper without them.
    if (this.list.length >= 64 && this.list.length > 2 * this.live) this.compact();
    this.list.push(delivery);
    this.live++;
  }

  /** Takes the one with this tag; undefined when there is none, or no longer. */
  take(tag: number): Delivery | undefined {
    const { list } = this;
    const first = list[this.head];
    if (first === undefined) return undefined;
    let at = this.head + (tag - first.tag);
    if (list[at]?.tag !== tag) at = this.search(tag);
    const delivery = list[at];
    if (delivery === undefined || delivery.tag !== tag || delivery.isSettled) return undefined;
    delivery.isSettled = true;
    this.live--;
    this.behead();
    return delivery;
  }

  /** Takes all with tags up to this one, in order; 0 means all there are. */
  takeUpTo(tag: number): Delivery[] {
    const { list } = this;
    const taken: Delivery[] = [];
    for (let i = this.head; i < list.length && (tag === 0 || list[i]!.tag <= tag); i++) {
      const delivery = list[i]!;
      if (delivery.isSettled) continue;
      delivery.isSettled = true;
      taken.push(delivery);
    }
    this.live -= taken.length;
    this.behead();
    return taken;
  }

  /** Those that are out, to look at. */
  *[Symbol.iterator](): IterableIterator<Delivery> {
    for (let i = this.head; i < this.list.length; i++) if (!this.list[i]!.isSettled) yield this.list[i]!;
  }

  /** Puts back what was taken, where it was. */
  restore(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) delivery.isSettled = false;
    const known = new Set(this.list.slice(this.head).filter((delivery) => !delivery.isSettled));
    for (const delivery of deliveries) known.add(delivery);
    this.list = [...known].sort((a, b) => a.tag - b.tag);
    this.head = 0;
    this.live = this.list.length;
  }

  /** True when it was handed out and is not settled. */
  has(tag: number): boolean {
    const delivery = this.list[this.search(tag)];
    return delivery !== undefined && delivery.tag === tag && !delivery.isSettled;
  }

  /** The first place whose tag is not below `tag`. */
  private search(tag: number): number {
    let low = this.head,
      high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle]!.tag < tag) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private behead(): void {
    const { list } = this;
    while (this.head < list.length && list[this.head]!.isSettled) this.head++;
    if (this.head === list.length) {
      list.length = 0;
      this.head = 0;
    } else if (this.head >= 1024 && this.head * 2 > list.length) this.compact();
  }

  private compact(): void {
    this.list = this.list.filter((delivery) => !delivery.isSettled);
    this.head = 0;
  }
}
