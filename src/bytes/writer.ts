/**
 * Growing big-endian writer. `buf[0, pos)` is written. Codecs write into it without asking what
 * lies behind: a scratch buffer in a test, a connection's out-buffer in the broker.
 */
export class Writer {
  buf: Buffer;
  pos = 0;

  constructor(capacity = 256) {
    this.buf = capacity ? Buffer.allocUnsafeSlow(capacity) : EMPTY;
  }

  /** Makes room for `n` more bytes and returns where they start; the caller fills all of them. */
  claim(n: number): number {
    const at = this.pos;
    if (at + n > this.buf.length) {
      this.grow(n);
      return this.claim(n);
    }
    this.pos = at + n;
    return at;
  }

  /** Called when `n` bytes do not fit; afterwards they do. */
  protected grow(n: number): void {
    let size = Math.max(this.buf.length * 2, 256);
    while (size < this.pos + n) size *= 2;
    const next = Buffer.allocUnsafeSlow(size);
    this.buf.copy(next, 0, 0, this.pos);
    this.buf = next;
  }

  u8(v: number): void {
    const at = this.claim(1);
    this.buf[at] = v;
  }
  u16(v: number): void {
    const at = this.claim(2),
      b = this.buf;
    b[at] = v >>> 8;
    b[at + 1] = v;
  }
  u32(v: number): void {
    const at = this.claim(4),
      b = this.buf;
    b[at] = v >>> 24;
    b[at + 1] = v >>> 16;
    b[at + 2] = v >>> 8;
    b[at + 3] = v;
  }
  i8(v: number): void {
    this.u8(v);
  }
  i16(v: number): void {
    this.u16(v);
  }
  i32(v: number): void {
    this.u32(v);
  }
  i64(v: bigint): void {
    const at = this.claim(8);
    this.buf.writeBigInt64BE(BigInt.asIntN(64, v), at);
  }
  u64(v: bigint): void {
    const at = this.claim(8);
    this.buf.writeBigUInt64BE(v, at);
  }
  /** A whole number up to 2^53 as signed 64 bits. */
  i64n(v: number): void {
    this.u32(Math.floor(v / 0x1_0000_0000));
    this.u32(v >>> 0);
  }
  f32(v: number): void {
    const at = this.claim(4);
    this.buf.writeFloatBE(v, at);
  }
  f64(v: number): void {
    const at = this.claim(8);
    this.buf.writeDoubleBE(v, at);
  }

  uvarint(v: number): void {
    while (v >= 0x80) {
      this.u8((v & 0x7f) | 0x80);
      v = Math.floor(v / 128);
    }
    this.u8(v);
  }
  varint(v: number): void {
    this.uvarint(((v << 1) ^ (v >> 31)) >>> 0);
  }
  /** Zigzag of a whole number up to 2^53. */
  varlong(v: number): void {
    if (v >= -0x4000_0000 && v < 0x4000_0000) return this.varint(v);
    let n = BigInt.asUintN(64, (BigInt(v) << 1n) ^ (BigInt(v) >> 63n));
    while (n >= 0x80n) {
      this.u8(Number(n & 0x7fn) | 0x80);
      n >>= 7n;
    }
    this.u8(Number(n));
  }

  /** Copies the bytes in. */
  bytes(v: Uint8Array): void {
    const at = this.claim(v.length);
    this.buf.set(v, at);
  }
  /** Bytes that the caller promises never to change: an out-buffer may send them without copying. */
  view(v: Uint8Array): void {
    this.bytes(v);
  }
  /** Writes UTF-8 without a length and returns how many bytes it took. */
  utf8(v: string): number {
    const n = v.length;
    if (n <= 24) {
      const at = this.claim(n),
        b = this.buf;
      let i = 0;
      for (; i < n; i++) {
        const code = v.charCodeAt(i);
        if (code >= 0x80) break;
        b[at + i] = code;
      }
      if (i === n) return n;
      this.pos = at;
    }
    const size = Buffer.byteLength(v);
    const at = this.claim(size);
    this.buf.write(v, at, size, "utf8");
    return size;
  }

  /**
   * Leaves room for a 32-bit length; `close` with the returned mark fills in how many bytes came
   * after it. Not nested.
   */
  open(): number {
    return this.claim(4);
  }
  close(mark: number): void {
    this.buf.writeUInt32BE(this.pos - mark - 4, mark);
  }

  /** A copy of all that was written. */
  toBuffer(): Buffer {
    return Buffer.from(this.buf.subarray(0, this.pos));
  }
}

export const EMPTY: Buffer = Buffer.allocUnsafeSlow(0);
