import { DecodeError } from "./reader.ts";
import { EMPTY } from "./writer.ts";

/** Takes one step of the compressed form: the literals from `from` to `to`, then `length` bytes again from `offset` before. */
export type Sequence = (from: number, to: number, offset: number, length: number) => void;

/** LZ4 wants the last match to begin 12 bytes before the end of its block and the last 5 bytes to be literals. */
const LAST_MATCH = 12,
  LAST_LITERALS = 5;
const HASH_BITS = 14;
const FARTHEST = 0xffff;
let table: Int32Array | undefined;

/**
 * Finds repeats of four bytes and more in `src[start, end)`, the step that Snappy and LZ4 share: one
 * probe of a hash table per position, with longer strides the longer nothing was found. Returns where
 * the literals after the last repeat begin.
 */
export function findRepeats(src: Uint8Array, start: number, end: number, sequence: Sequence): number {
  const seen = (table ??= new Int32Array(1 << HASH_BITS));
  seen.fill(start - 1);
  const stop = end - LAST_MATCH,
    matchEnd = end - LAST_LITERALS;
  let anchor = start;
  let pos = start;
  let misses = 0;
  while (pos <= stop) {
    const four = word(src, pos);
    const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
    const before = seen[slot]!;
    seen[slot] = pos;
    if (before < start || pos - before > FARTHEST || word(src, before) !== four) {
      pos += 1 + (misses++ >> 6);
      continue;
    }
    let to = pos + 4;
    for (let from = before + 4; to < matchEnd && src[from] === src[to]; from++) to++;
    sequence(anchor, pos, pos - before, to - pos);
    anchor = pos = to;
    misses = 0;
  }
  return anchor;
}

function word(src: Uint8Array, at: number): number {
  return src[at]! | (src[at + 1]! << 8) | (src[at + 2]! << 16) | (src[at + 3]! << 24);
}

/** Bytes being decompressed: grows with what arrives, never past `max`, and refuses what would. */
export class Inflated {
  buf: Buffer = EMPTY;
  pos = 0;

  constructor(
    private readonly name: string,
    private readonly max: number,
  ) {}

  /** Makes room for `n` more bytes, or for as many as are still allowed. */
  reserve(n: number): void {
    const want = Math.min(this.pos + n, this.max);
    if (want <= this.buf.length) return;
    const next = Buffer.allocUnsafeSlow(Math.min(this.max, Math.max(want, this.buf.length * 2)));
    this.buf.copy(next, 0, 0, this.pos);
    this.buf = next;
  }

  literals(src: Uint8Array, from: number, n: number): void {
    this.check(n);
    const { buf } = this;
    let { pos } = this;
    this.pos += n;
    if (n > 32) buf.set(src.subarray(from, from + n), pos);
    else for (const to = from + n; from < to; ) buf[pos++] = src[from++]!;
  }

  /** Appends `n` bytes that begin `offset` before the end; the caller knows that they are there. */
  repeat(offset: number, n: number): void {
    this.check(n);
    const { buf } = this;
    let { pos } = this;
    this.pos += n;
    if (offset >= n && n > 64) buf.copyWithin(pos, pos - offset, pos - offset + n);
    else for (const to = pos + n; pos < to; pos++) buf[pos] = buf[pos - offset]!;
  }

  toBuffer(): Buffer {
    // A buffer half empty would pin twice what its reader sees.
    return this.pos * 2 < this.buf.length ? Buffer.from(this.buf.subarray(0, this.pos)) : (this.buf.subarray(0, this.pos) as Buffer);
  }

  private check(n: number): void {
    if (n > this.buf.length - this.pos) {
      if (this.pos + n > this.max) throw new DecodeError(`${this.name}: more than ${this.max} bytes`);
      this.reserve(n);
    }
  }
}
