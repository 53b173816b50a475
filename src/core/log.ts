import { STEP } from "../bytes/spare.ts";
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

  /** Never written to again, and never used again by the log. To be taken while the log still has the entry. */
  get bytes(): Buffer {
    this.block.lent = true;
    return this.block.bytes.subarray(this.at, this.at + this.size) as Buffer;
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

/** Where the fields of an entry stand in its row. */
const BASE = 0,
  NEXT = 1,
  COUNT = 2,
  TIME = 3,
  EPOCH = 4,
  APPENDED = 5,
  BLOCK = 6,
  AT = 7,
  SIZE = 8,
  ROW = 9;
const ROWS_LEAST = 8;

/**
 * An append-only sequence of entries with offsets, in memory. Every offset from `start` up to `end`
 * is covered by an entry or was dropped; entries never change.
 *
 * Entries lie in rows of numbers: a million objects that live long would cost every collection.
 */
export class Log {
  /** Rows from `head` up to `tail`, counted in numbers, hold the entries. */
  private rows = new Float64Array(0);
  private head = 0;
  private tail = 0;
  private first = 0;
  private last = 0;
  private size = 0;
  /** What entries lie in, from block number `firstBlock` on; null where all that lay there is gone. */
  private blocks: (Block | null)[] = [];
  private firstBlock = 0;
  /** Number of the block in which small entries are gathered; -1: none yet. */
  private filling = -1;
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
   * Appends `bytes` over the next `span` offsets. The caller gives the bytes away: true when they were
   * taken as they are, to be sent to readers so; else they were copied.
   * @param lent somebody else may hold views of them
   */
  append(bytes: Buffer, span: number, count: number, time: number, epoch: number, appended: number, lent: boolean): boolean {
    const newest = this.epochs.at(-1);
    if (newest === undefined || epoch > newest.epoch) this.epochs.push({ epoch, start: this.last });
    const n = bytes.length;
    // A view keeps all of the chunk it lies in: taken as it is only where it is large, and most of that chunk.
    const whole = n >= STEP && n * 2 >= bytes.buffer.byteLength;
    const number = whole ? this.put({ bytes, used: n, users: 0, lent }) : this.room(n);
    const block = this.block(number)!;
    const at = block.used - n;
    if (!whole) bytes.copy(block.bytes, at);
    block.users++;
    if (this.tail === this.rows.length) this.widen();
    const { rows, tail } = this;
    rows[tail + BASE] = this.last;
    rows[tail + NEXT] = this.last += span;
    rows[tail + COUNT] = count;
    rows[tail + TIME] = time;
    rows[tail + EPOCH] = epoch;
    rows[tail + APPENDED] = appended;
    rows[tail + BLOCK] = number;
    rows[tail + AT] = at;
    rows[tail + SIZE] = n;
    this.tail = tail + ROW;
    this.size += n;
    return whole;
  }

  /** The next entry begins at `offset`: there is nothing up to it. */
  skipTo(offset: number): void {
    if (offset > this.last) this.last = offset;
    if (this.head === this.tail) this.first = this.last;
  }

  /** The entries from the one that covers `offset` on, as many as fit in `most` bytes; the first even if it does not, with `oneAtLeast`. */
  read(offset: number, most: number, oneAtLeast: boolean): Entry[] {
    const found: Entry[] = [];
    let room = most;
    for (let row = this.rowOf(offset); row < this.tail; row += ROW) {
      const size = this.rows[row + SIZE]!;
      if (size > room && !(oneAtLeast && found.length === 0)) break;
      room -= size;
      found.push(this.entry(row));
    }
    return found;
  }

  /** Bytes from `offset` on, counted no further than `enough`. */
  available(offset: number, enough: number): number {
    let bytes = 0;
    for (let row = this.rowOf(offset); row < this.tail && bytes < enough; row += ROW) bytes += this.rows[row + SIZE]!;
    return bytes;
  }

  /** The first entry from `offset` on that holds something as late as `time`. */
  since(time: number, offset: number): Entry | undefined {
    for (let row = this.rowOf(offset); row < this.tail; row += ROW) if (this.rows[row + TIME]! >= time) return this.entry(row);
    return undefined;
  }

  /** The entry with the latest time, the first of several. */
  latest(): Entry | undefined {
    let found = this.head;
    for (let row = found; row < this.tail; row += ROW) if (this.rows[row + TIME]! > this.rows[found + TIME]!) found = row;
    return found < this.tail ? this.entry(found) : undefined;
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
    while (this.head < this.tail && this.rows[this.head + NEXT]! <= this.first) {
      this.release(this.head);
      this.head += ROW;
    }
    if (this.head === this.tail) this.empty();
    while (this.epochs.length > 1 && this.epochs[1]!.start <= this.first) this.epochs.shift();
  }

  /** Lets go of the newest entries while `lost` says so of the last one; their offsets are given out again. */
  truncate(lost: (last: Entry) => boolean): void {
    while (this.tail > this.head && lost(this.entry(this.tail - ROW))) {
      this.tail -= ROW;
      this.last = this.rows[this.tail + BASE]!;
      this.release(this.tail);
    }
    if (this.head === this.tail) this.empty();
    this.first = Math.min(this.first, this.last);
    while (this.epochs.length > 0 && this.epochs.at(-1)!.start >= this.last) this.epochs.pop();
  }

  /** Every entry, oldest first, to look at. */
  *[Symbol.iterator](): IterableIterator<Entry> {
    for (let row = this.head; row < this.tail; row += ROW) yield this.entry(row);
  }

  /** Lets go of the oldest entries while the others are `bytes` at least. */
  keepBytes(bytes: number): void {
    while (this.head < this.tail && this.size - this.rows[this.head + SIZE]! >= bytes) this.deleteBefore(this.rows[this.head + NEXT]!);
  }

  /** Lets go of the oldest entries while nothing in them is as late as `time`. */
  keepSince(time: number): void {
    while (this.head < this.tail && this.rows[this.head + TIME]! < time) this.deleteBefore(this.rows[this.head + NEXT]!);
  }

  // --- Rows and blocks --------------------------------------------------------------------------

  private entry(row: number): Entry {
    const { rows } = this;
    return new Entry(
      rows[row + BASE]!,
      rows[row + NEXT]!,
      rows[row + COUNT]!,
      rows[row + TIME]!,
      rows[row + EPOCH]!,
      rows[row + APPENDED]!,
      this.block(rows[row + BLOCK]!)!,
      rows[row + AT]!,
      rows[row + SIZE]!,
    );
  }

  /** The row of the entry that covers `offset`, or of the next one. */
  private rowOf(offset: number): number {
    // Most readers are near the end.
    if (this.tail > this.head && this.rows[this.tail - ROW + NEXT]! <= offset) return this.tail;
    let low = 0,
      high = (this.tail - this.head) / ROW;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.rows[this.head + middle * ROW + NEXT]! <= offset) low = middle + 1;
      else high = middle;
    }
    return this.head + low * ROW;
  }

  /** Room for another row: at the front, where half of the rows are free, else in an array twice as long as what is there. */
  private widen(): void {
    const live = this.rows.subarray(this.head, this.tail);
    const wanted = Math.max(ROWS_LEAST * ROW, live.length * 2);
    if (wanted > this.rows.length || wanted * 4 < this.rows.length) this.rows = new Float64Array(wanted);
    this.rows.set(live);
    this.tail = live.length;
    this.head = 0;
  }

  /** Nothing is left: a few rows will do. */
  private empty(): void {
    if (this.rows.length > ROWS_LEAST * ROW) this.rows = new Float64Array(0);
    this.head = this.tail = 0;
  }

  private block(number: number): Block | null {
    return this.blocks[number - this.firstBlock]!;
  }

  /** Its number. */
  private put(block: Block): number {
    return this.firstBlock + this.blocks.push(block) - 1;
  }

  /** A block whose last `n` used bytes are for the entry to come. */
  private room(n: number): number {
    let block = this.filling < 0 ? null : this.block(this.filling)!;
    if (block === null || block.used + n > block.bytes.length) {
      const full = this.filling;
      const next = takeBlock(n, block?.bytes.length ?? 0);
      next.users++; // the log itself, until it is full
      this.filling = this.put(next);
      if (block !== null) this.leave(full);
      block = next;
    }
    block.used += n;
    return this.filling;
  }

  /** An entry is gone. */
  private release(row: number): void {
    this.size -= this.rows[row + SIZE]!;
    this.leave(this.rows[row + BLOCK]!);
  }

  /** One user less of a block. */
  private leave(number: number): void {
    const block = this.block(number)!;
    block.users--;
    // No entry but the log itself: it would keep what came after it from being forgotten.
    if (number === this.filling && block.users === 1) {
      block.users = 0;
      this.filling = -1;
    }
    if (block.users > 0) return;
    giveBack(block);
    const { blocks } = this;
    blocks[number - this.firstBlock] = null;
    while (blocks.length > 0 && blocks[0] === null) {
      blocks.shift();
      this.firstBlock++;
    }
    while (blocks.length > 0 && blocks.at(-1) === null) blocks.pop();
  }
}
