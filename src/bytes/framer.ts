import { free, giveLarge, STEP, takeLarge } from "./spare.ts";
import { EMPTY } from "./writer.ts";

/**
 * Tells how long the frame that starts at `pos` is, its header included; 0 while `end - pos` bytes
 * are too few to know. Throws when the length is not acceptable: a length is never trusted, and the
 * framer allocates for what arrived, not for what was announced.
 */
export type FrameLength = (buf: Buffer, pos: number, end: number) => number;
/**
 * One whole frame, `buf[start, end)`. The buffer is never written to again, so it may be kept, unless
 * the answer is true: nobody keeps any of these bytes, and their memory may be used again.
 */
export type OnFrame = (buf: Buffer, start: number, end: number) => boolean | void;

/**
 * Cuts a stream of chunks into frames. Frames that lie in one chunk are handed on in place; one that
 * spans chunks is gathered in a buffer of its own.
 */
export class Framer {
  /** Bytes that arrived and were not yet handed on. */
  private chunks: Buffer[] = [];
  private chunk: Buffer = EMPTY;
  private pos = 0;
  /** Something in the chunk may be kept. */
  private kept = false;
  /** The start of a frame that spans chunks: `carry[0, carried)`. */
  private carry: Buffer = EMPTY;
  private carried = 0;
  private stopped = false;
  private draining = false;
  private waiting = 0;
  /** Small frames that spanned chunks lay here, and nobody kept them. */
  private spare: Buffer = EMPTY;

  constructor(
    private length: FrameLength,
    private readonly onFrame: OnFrame,
  ) {}

  /** Bytes held here, whole frames or parts of one. */
  get buffered(): number {
    return this.waiting + this.carried + (this.chunk.length - this.pos);
  }

  /** Frames stop coming after the one now being handled, until `resume`. */
  pause(): void {
    this.stopped = true;
  }

  resume(): void {
    this.stopped = false;
    this.drain();
  }

  get paused(): boolean {
    return this.stopped;
  }

  /** For protocols that change their framing in mid-stream (AMQP's header comes before its frames). */
  reframe(length: FrameLength): void {
    this.length = length;
  }

  /** The chunk is the framer's own from now on. */
  push(chunk: Buffer): void {
    if (this.stopped || this.draining) {
      this.chunks.push(chunk);
      this.waiting += chunk.length;
      return;
    }
    this.begin(chunk);
    this.drain();
  }

  private begin(chunk: Buffer): void {
    this.chunk = chunk;
    this.pos = 0;
    this.kept = false;
  }

  /** Forgets everything; no frame comes any more. */
  close(): void {
    this.stopped = true;
    this.chunks = [];
    this.chunk = this.carry = this.spare = EMPTY;
    this.pos = this.carried = this.waiting = 0;
  }

  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    try {
      while (!this.stopped) {
        if (this.pos === this.chunk.length) {
          const next = this.chunks.shift() ?? EMPTY;
          this.waiting -= next.length;
          if (!this.kept) free(this.chunk);
          this.begin(next);
          if (next === EMPTY) {
            // Whoever is at rest keeps nothing.
            if (this.carried === 0) this.spare = EMPTY;
            return;
          }
        }
        if (this.carried > 0) this.fill();
        else this.inPlace();
      }
    } finally {
      this.draining = false;
    }
  }

  private inPlace(): void {
    const { chunk } = this;
    const end = chunk.length;
    let pos = this.pos;
    while (pos < end && !this.stopped) {
      const size = this.length(chunk, pos, end);
      if (size === 0 || pos + size > end) {
        // A partial frame moves out, so that a trickle of bytes does not pin many chunks.
        this.carried = end - pos;
        this.carry = this.take(Math.max(64, size === 0 ? 2 * this.carried : room(size, this.carried)));
        chunk.copy(this.carry, 0, pos, end);
        pos = end;
        break;
      }
      this.pos = pos + size;
      if (this.onFrame(chunk, pos, pos + size) !== true) this.kept = true;
      if (this.chunk !== chunk) return; // closed while handling
      pos += size;
    }
    this.pos = pos;
  }

  /** Moves bytes from the chunk into the carried frame until it is whole. */
  private fill(): void {
    const { chunk } = this;
    let size = this.length(this.carry, 0, this.carried);
    while (size === 0 || this.carried < size) {
      const left = chunk.length - this.pos;
      if (left === 0) return;
      // Until the length is known, a byte at a time: headers are short, and only split ones come here.
      const want = size === 0 ? 1 : Math.min(size - this.carried, left);
      if (this.carried + want > this.carry.length) {
        const outgrown = this.carry;
        const wider = Math.max(room(size, this.carried + want), 2 * outgrown.length);
        this.carry = this.take(size === 0 ? wider : Math.min(size, wider));
        outgrown.copy(this.carry, 0, 0, this.carried);
        this.giveBack(outgrown);
      }
      chunk.copy(this.carry, this.carried, this.pos, this.pos + want);
      this.carried += want;
      this.pos += want;
      if (size === 0) size = this.length(this.carry, 0, this.carried);
    }
    const frame = this.carry;
    this.carry = EMPTY;
    this.carried = 0;
    if (this.onFrame(frame, 0, size) === true) this.giveBack(frame);
  }

  /** A buffer for one frame alone, so whoever keeps all that is in it may give it back to spare.ts. */
  private take(n: number): Buffer {
    if (n >= STEP) return takeLarge(n);
    const { spare } = this;
    if (n > spare.length) return Buffer.allocUnsafeSlow(n);
    this.spare = EMPTY;
    return spare;
  }

  private giveBack(frame: Buffer): void {
    if (frame.length >= STEP) giveLarge(frame.buffer);
    else this.spare = frame;
  }
}

/** What to allocate for a frame of `size` of which `have` bytes arrived: all of it while small, else twice what came. */
function room(size: number, have: number): number {
  return size <= TRUSTED ? size : Math.min(size, Math.max(TRUSTED, have * 2));
}
const TRUSTED = 256 * 1024;
