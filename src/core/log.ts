import { type Block, giveBack, takeBlock } from "./blocks.ts";

/** What lies between two offsets of a log: opaque bytes, kept as they came. */
export class Entry {
  constructor(
    /** The first offset it covers. */
    readonly base: number,
    /** The offset after the last one it covers. */
    readonly next: number,
    /** How many messages are in it: fewer than offsets where some were dropped. */
    readonly count: number,
    /** The latest time in it, in milliseconds since 1970. */
    readonly time: number,
    readonly epoch: number,
    /** When it was appended, in milliseconds of the clock. */
    readonly appended: number,
    private readonly block: Block,
    private readonly at: number,
    readonly size: number,
  ) {}

  /** Never written to again, and never used again by the log. */
  get bytes(): Buffer {
    this.block.lent = true;
    return this.block.bytes.subarray(this.at, this.at + this.size) as Buffer;
  }

  /** Let go of by its log. */
  release(): void {
    giveBack(this.block);
  }

  /** The entries' bytes in as few pieces as they lie in. */
  static pieces(entries: readonly Entry[]): Buffer[] {
    const pieces: Buffer[] = [];
    for (let i = 0; i < entries.length; ) {
      const { block, at } = entries[i]!;
      let end = at;
      while (i < entries.length && entries[i]!.block === block && entries[i]!.at === end) end += entries[i++]!.size;
      block.lent = true;
      pieces.push(block.bytes.subarray(at, end) as Buffer);
    }
    return pieces;
  }
}

/**
 * An append-only sequence of entries with offsets, in memory. Every offset from `start` up to `end`
 * is covered by an entry or was dropped; entries never change.
 */
export class Log {
  private entries: Entry[] = [];
  /** Entries before this one were removed. */
  private head = 0;
  private first = 0;
  private last = 0;
  private size = 0;
  /** What small entries are gathered in. */
  private block: Block | null = null;
  /** Where each epoch began, oldest first. */
  private epochs: { epoch: number; start: number }[] = [];

  /** The lowest offset that can still be read. */
  get start(): number {
    return this.first;
  }
  /** The offset that the next entry gets. */
  get end(): number {
    return this.last;
  }
  /** Bytes kept. */
  get bytes(): number {
    return this.size;
  }

  /**
   * Appends `bytes` over the next `span` offsets. The caller gives the bytes away: they may be kept,
   * and sent to readers, as they are.
   * @param lent somebody else may hold views of them
   */
  append(bytes: Buffer, span: number, count: number, time: number, epoch: number, appended: number, lent: boolean): Entry {
    const base = this.last;
    const newest = this.epochs.at(-1);
    if (newest === undefined || epoch > newest.epoch) this.epochs.push({ epoch, start: base });
    const n = bytes.length;
    // A view keeps all of the chunk it lies in: taken as it is only where it is most of that chunk.
    const whole = n * 2 >= bytes.buffer.byteLength;
    const block = whole ? { bytes, used: n, users: 0, lent } : this.room(n);
    const at = block.used - n;
    if (!whole) bytes.copy(block.bytes, at);
    block.users++;
    const entry = new Entry(base, base + span, count, time, epoch, appended, block, at, n);
    this.entries.push(entry);
    this.last = entry.next;
    this.size += n;
    return entry;
  }

  /** The next entry begins at `offset`: there is nothing up to it. */
  skipTo(offset: number): void {
    if (offset > this.last) this.last = offset;
    if (this.head === this.entries.length) this.first = this.last;
  }

  /** The entries from the one that covers `offset` on, as many as fit in `most` bytes; the first even if it does not, with `oneAtLeast`. */
  read(offset: number, most: number, oneAtLeast: boolean): Entry[] {
    const found: Entry[] = [];
    let room = most;
    for (let i = this.indexOf(offset); i < this.entries.length; i++) {
      const entry = this.entries[i]!;
      if (entry.size > room && !(oneAtLeast && found.length === 0)) break;
      room -= entry.size;
      found.push(entry);
    }
    return found;
  }

  /** Bytes from `offset` on, counted no further than `enough`. */
  available(offset: number, enough: number): number {
    let bytes = 0;
    for (let i = this.indexOf(offset); i < this.entries.length && bytes < enough; i++) bytes += this.entries[i]!.size;
    return bytes;
  }

  /** The first entry that holds something as late as `time`. */
  since(time: number): Entry | undefined {
    for (let i = this.head; i < this.entries.length; i++) if (this.entries[i]!.time >= time) return this.entries[i];
    return undefined;
  }

  /** The entry with the latest time, the first of several. */
  latest(): Entry | undefined {
    let found: Entry | undefined;
    for (let i = this.head; i < this.entries.length; i++) {
      const entry = this.entries[i]!;
      if (found === undefined || entry.time > found.time) found = entry;
    }
    return found;
  }

  /** The largest epoch up to `epoch` that wrote here, and the offset after its last entry; undefined when there is none. */
  epochEnd(epoch: number): { epoch: number; end: number } | undefined {
    for (let i = this.epochs.length - 1; i >= 0; i--) {
      const found = this.epochs[i]!;
      if (found.epoch <= epoch) return { epoch: found.epoch, end: this.epochs[i + 1]?.start ?? this.last };
    }
    return undefined;
  }

  /** Nothing before `offset` can be read any more; entries wholly before it are let go. */
  deleteBefore(offset: number): void {
    this.first = Math.max(this.first, Math.min(offset, this.last));
    while (this.head < this.entries.length && this.entries[this.head]!.next <= this.first) {
      const entry = this.entries[this.head++]!;
      this.size -= entry.size;
      entry.release();
    }
    while (this.epochs.length > 1 && this.epochs[1]!.start <= this.first) this.epochs.shift();
    if (this.head > 1000 && this.head * 2 > this.entries.length) {
      this.entries.splice(0, this.head);
      this.head = 0;
    }
  }

  /** Lets go of the newest entries while `lost` says so of the last one; their offsets are given out again. Returns them, the last first. */
  truncate(lost: (last: Entry, length: number) => boolean): Entry[] {
    const gone: Entry[] = [];
    while (this.entries.length > this.head && lost(this.entries.at(-1)!, gone.length)) {
      const entry = this.entries.pop()!;
      this.size -= entry.size;
      this.last = entry.base;
      gone.push(entry);
      entry.release();
    }
    this.first = Math.min(this.first, this.last);
    while (this.epochs.length > 0 && this.epochs.at(-1)!.start >= this.last) this.epochs.pop();
    return gone;
  }

  /** Every entry, oldest first, to look at. */
  *[Symbol.iterator](): IterableIterator<Entry> {
    for (let i = this.head; i < this.entries.length; i++) yield this.entries[i]!;
  }

  /** Lets go of the oldest entries while the others are `bytes` at least. */
  keepBytes(bytes: number): void {
    while (this.head < this.entries.length && this.size - this.entries[this.head]!.size >= bytes) {
      this.deleteBefore(this.entries[this.head]!.next);
    }
  }

  /** Lets go of the oldest entries while nothing in them is as late as `time`. */
  keepSince(time: number): void {
    while (this.head < this.entries.length && this.entries[this.head]!.time < time) this.deleteBefore(this.entries[this.head]!.next);
  }

  /** Index of the entry that covers `offset`, or of the next one. */
  private indexOf(offset: number): number {
    let low = this.head, high = this.entries.length;
    // Most readers are near the end.
    if (high > low && this.entries[high - 1]!.next <= offset) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entries[middle]!.next <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A block whose last `n` used bytes are for the entry to come. */
  private room(n: number): Block {
    let { block } = this;
    if (block === null || block.used + n > block.bytes.length) {
      if (block !== null) giveBack(block);
      this.block = block = takeBlock(n, block?.bytes.length ?? 0);
      block.users++; // the log itself, until it is full
    }
    block.used += n;
    return block;
  }
}
