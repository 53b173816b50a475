import type { Clock, Timer } from "./time.ts";

/** An item in a queue: ready, or out to someone who has yet to say what became of it. */
export class Entry<T> {
  /** How often it was handed out before. */
  deliveries = 0;

  constructor(
    readonly item: T,
    /** Its place in the order: by rank, then by arrival. Kept when it comes back. */
    readonly position: number,
    /** What it counts for in `maxBytes`. */
    readonly size: number,
    /** When it expires, in milliseconds of the clock; Infinity: never. */
    readonly expires: number,
  ) {}
}

export interface Limits {
  /** Most ready entries and bytes of them: above, entries leave at the head. */
  maxLength: number;
  maxBytes: number;
}

/** Why the queue let go of an entry by itself. */
export type DropReason = "maxlen" | "expired";

/** Arrivals that one rank has room for. */
const RANK = 2 ** 45;

/**
 * First in, first out, with entries that may come back to where they were. Entries expire only at
 * the head: one that waits behind an entry without a time limit waits as long as that.
 */
export class Queue<T> {
  /** A ring, a power of two long: `count` ready entries from `head` on, in the order of their positions. */
  private ring: (Entry<T> | undefined)[] = new Array(8).fill(undefined);
  private head = 0;
  private count = 0;
  private next = 0;
  private bytes = 0;
  private outside = 0;
  private alarm: Timer | null = null;
  private alarmAt = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Limits,
    /** Told of every entry that left by itself. */
    private readonly dropped: (entry: Entry<T>, reason: DropReason) => void,
  ) {}

  /** Entries that wait to be taken. */
  get ready(): number {
    return this.count;
  }
  /** Entries that were taken and are not settled. */
  get unacked(): number {
    return this.outside;
  }
  /** Bytes of the ready entries. */
  get readyBytes(): number {
    return this.bytes;
  }

  /** Puts an item behind all others of its rank; the head makes room for it where it must. `rank` is 0 to 255, 0 goes first. */
  push(item: T, size: number, expires = Infinity, rank = 0): void {
    this.insert(new Entry(item, rank * RANK + this.next++, size, expires));
    if (this.count > this.limits.maxLength || this.bytes > this.limits.maxBytes) this.trim();
    this.watch();
  }

  /** Puts back an item that was handed out `deliveries` times in an earlier life of the queue. */
  restore(item: T, size: number, expires: number, rank: number, deliveries: number): void {
    const entry = new Entry(item, rank * RANK + this.next++, size, expires);
    entry.deliveries = deliveries;
    this.insert(entry);
    this.watch();
  }

  /** Takes the item past the ready ones, straight to a receiver: only right while none are ready. */
  handOver(item: T, size: number, expires = Infinity, rank = 0): Entry<T> {
    this.outside++;
    return new Entry(item, rank * RANK + this.next++, size, expires);
  }

  /** Takes the head; `settle` or `requeue` follows. Undefined: nothing is ready. */
  shift(): Entry<T> | undefined {
    this.expire();
    if (this.count === 0) return undefined;
    this.outside++;
    return this.behead();
  }

  /** One entry that was taken is done with. */
  settle(): void {
    this.outside--;
  }

  /** One entry that was taken comes back behind all others. */
  requeueLast(entry: Entry<T>): void {
    const last = new Entry(entry.item, this.next++, entry.size, entry.expires);
    last.deliveries = entry.deliveries + 1;
    this.outside--;
    this.insert(last);
    this.watch();
  }

  /** Entries that were taken come back to where they were. */
  requeue(entries: readonly Entry<T>[]): void {
    // Last first: each then goes in front of those that came back before it.
    for (const entry of [...entries].sort((a, b) => b.position - a.position)) {
      this.outside--;
      entry.deliveries++;
      this.insert(entry);
    }
    if (this.count > this.limits.maxLength || this.bytes > this.limits.maxBytes) this.trim();
    this.watch();
  }

  /** Removes all ready entries and returns how many there were. */
  purge(): number {
    const purged = this.count;
    this.ring = new Array(8).fill(undefined);
    this.head = this.count = this.bytes = 0;
    this.watch();
    return purged;
  }

  /** Ready entries in order, to look at. */
  *[Symbol.iterator](): IterableIterator<Entry<T>> {
    for (let i = 0; i < this.count; i++) yield this.ring[(this.head + i) & (this.ring.length - 1)]!;
  }

  /** Drops what has expired at the head. */
  expire(): void {
    if (this.count === 0 || this.ring[this.head]!.expires === Infinity) return;
    const now = this.clock.now();
    while (this.count > 0 && this.ring[this.head]!.expires <= now) this.dropped(this.behead(), "expired");
    this.watch();
  }

  /** No alarm any more. */
  close(): void {
    this.alarm?.cancel();
    this.alarm = null;
    this.purge();
  }

  private behead(): Entry<T> {
    const entry = this.ring[this.head]!;
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
    this.bytes -= entry.size;
    return entry;
  }

  private trim(): void {
    while (this.count > 0 && (this.count > this.limits.maxLength || this.bytes > this.limits.maxBytes))
      this.dropped(this.behead(), "maxlen");
  }

  private insert(entry: Entry<T>): void {
    if (this.count === this.ring.length) this.widen();
    const { ring, count } = this;
    const mask = ring.length - 1;
    this.count++;
    this.bytes += entry.size;
    if (count === 0 || ring[(this.head + count - 1) & mask]!.position < entry.position) {
      ring[(this.head + count) & mask] = entry;
      return;
    }
    let low = 0,
      high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ring[(this.head + middle) & mask]!.position < entry.position) low = middle + 1;
      else high = middle;
    }
    this.head = (this.head - 1) & mask;
    for (let i = 0; i < low; i++) ring[(this.head + i) & mask] = ring[(this.head + i + 1) & mask];
    ring[(this.head + low) & mask] = entry;
  }

  private widen(): void {
    const { ring, head, count } = this;
    const wider: (Entry<T> | undefined)[] = new Array(ring.length * 2).fill(undefined);
    for (let i = 0; i < count; i++) wider[i] = ring[(head + i) & (ring.length - 1)];
    this.ring = wider;
    this.head = 0;
  }

  /** Sets the alarm for the head, where that has become necessary. */
  private watch(): void {
    const due = this.count === 0 ? Infinity : this.ring[this.head]!.expires;
    if (due === Infinity || (this.alarm !== null && this.alarmAt <= due)) return;
    this.alarm?.cancel();
    this.alarmAt = due;
    this.alarm = this.clock.after(due - this.clock.now(), () => {
      this.alarm = null;
      this.expire();
      this.watch();
    });
  }
}
