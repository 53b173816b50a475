import { EMPTY, Writer } from "./writer.ts";

/** Takes bytes and returns how many it accepted: 0 when full, -1 when closed. */
export type Sink = (bytes: Buffer) => number;

const BLOCK = 64 * 1024;
/** From this size on a view is sent from where it lies: one more system call costs less than the copy. */
const VIEW_FROM = 16 * 1024;

/** Blocks that no connection uses now: an idle connection owns none. */
const spare: Buffer[] = [];
const SPARE_MOST = 256;

/**
 * The bytes on their way to one peer. Writers append; `flush` hands everything to the sink in as few
 * calls as it can, keeps what was not accepted and returns true once empty.
 */
export class OutBuffer extends Writer {
  /** Full blocks and views before `buf`, in order. */
  private queue: Buffer[] = [];
  private queued = 0;
  /** Where the unsent part of the first of `queue`, or of `buf` when there is none, begins. */
  private head = 0;
  /** Set when bytes were appended since the last flush: see `onDirty`. */
  private dirty = false;
  /** The block in which the length now being measured stands, and what was pending before it: see `open`. */
  private opened: Buffer | null = null;
  private openedBefore = 0;

  constructor(
    private readonly sink: Sink,
    private readonly onDirty: (out: OutBuffer) => void,
  ) {
    super(0);
  }

  /** Bytes not yet accepted by the sink. */
  get pending(): number {
    return this.queued + this.pos - this.head;
  }

  protected override grow(n: number): void {
    // A full block leaves at once where the peer takes it, so that a busy connection lives in one warm block.
    if (this.opened === null && this.queue.length === 0 && this.pos > 0 && n <= BLOCK) {
      this.flush();
      this.dirty = true;
      if (this.pos === 0) return this.grow(n);
    }
    if (this.pos > 0) this.seal();
    if (n <= BLOCK) this.buf = spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
    else this.buf = Buffer.allocUnsafeSlow(n);
    this.pos = 0;
  }

  override claim(n: number): number {
    if (!this.dirty) {
      this.dirty = true;
      this.onDirty(this);
    }
    return super.claim(n);
  }

  override view(v: Uint8Array): void {
    if (v.length < VIEW_FROM) return this.bytes(v);
    this.claim(0);
    if (this.pos > 0) this.seal();
    this.queue.push(Buffer.from(v.buffer, v.byteOffset, v.length));
    this.queued += v.length;
  }

  override open(): number {
    const at = this.claim(4);
    this.opened = this.buf;
    this.openedBefore = this.pending;
    return at;
  }

  override close(at: number): void {
    const block = this.opened!;
    this.opened = null;
    block.writeUInt32BE(this.pending - this.openedBefore, at);
  }

  /** Moves the current block behind the queue; the rest of the block stays usable. */
  private seal(): void {
    const block = this.buf;
    this.queue.push(block.subarray(0, this.pos) as Buffer);
    this.queued += this.pos;
    this.buf = block.subarray(this.pos) as Buffer;
    this.pos = 0;
  }

  /** Sends what the sink takes. False: some is left, call again when the peer drains. */
  flush(): boolean {
    this.dirty = false;
    while (this.queue.length > 0) {
      const first = this.queue[0]!;
      const sent = this.sink(this.head === 0 ? first : (first.subarray(this.head) as Buffer));
      if (sent < 0) return this.clear();
      if (this.head + sent < first.length) {
        this.head += sent;
        return false;
      }
      this.queue.shift();
      this.queued -= first.length;
      this.head = 0;
    }
    if (this.pos > this.head) {
      const sent = this.sink(this.buf.subarray(this.head, this.pos) as Buffer);
      if (sent < 0) return this.clear();
      this.head += sent;
      if (this.head < this.pos) return false;
    }
    this.release();
    return true;
  }

  /** Drops everything unsent. */
  clear(): true {
    this.queue = [];
    this.queued = 0;
    this.opened = null;
    this.release();
    return true;
  }

  private release(): void {
    // Only whole blocks go back: a block that was sealed in parts is left to the collector.
    if (this.buf.length === BLOCK && this.buf.byteOffset === 0 && spare.length < SPARE_MOST) spare.push(this.buf);
    this.buf = EMPTY;
    this.pos = this.head = 0;
  }
}
