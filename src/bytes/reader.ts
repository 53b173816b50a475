/** A read past the end, or a value that its layout forbids. Codecs add the path of the field on the way up. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** Field path, outermost first, filled in while the error travels up through a codec. */
  readonly path: string[] = [];

  /** Puts a field or index in front of the path; returns itself so that callers can `throw error.at(...)`. */
  at(step: string): this {
    this.path.unshift(step);
    return this;
  }

  override toString(): string {
    return this.path.length ? `${this.path.join(".").replaceAll(".[", "[")}: ${this.message}` : this.message;
  }
}

/**
 * Bounds-checked big-endian reader over one Buffer. It never copies: `view` returns a slice that
 * pins the chunk it lies in, `copy` returns bytes of its own.
 */
export class Reader {
  buf: Buffer;
  pos: number;
  end: number;

  constructor(buf: Buffer, pos = 0, end = buf.length) {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
  }

  /** The same reader over other bytes. */
  over(buf: Buffer, pos: number, end: number): this {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  /** Claims `n` bytes and returns where they start. */
  take(n: number): number {
    const at = this.pos;
    if (n < 0) throw new DecodeError(`negative length ${n}`);
    if (n > this.end - at) throw new DecodeError(`short read: ${n} bytes wanted, ${this.end - at} left`);
    this.pos = at + n;
    return at;
  }

  u8(): number {
    return this.buf[this.take(1)]!;
  }
  i8(): number {
    return (this.buf[this.take(1)]! << 24) >> 24;
  }
  u16(): number {
    const at = this.take(2);
    return (this.buf[at]! << 8) | this.buf[at + 1]!;
  }
  i16(): number {
    return (this.u16() << 16) >> 16;
  }
  i32(): number {
    const at = this.take(4),
      b = this.buf;
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }
  u32(): number {
    return this.i32() >>> 0;
  }
  /** Signed 64 bits. */
  i64(): bigint {
    return this.buf.readBigInt64BE(this.take(8));
  }
  u64(): bigint {
    return this.buf.readBigUInt64BE(this.take(8));
  }
  /** Signed 64 bits as a double: exact up to 2^53, which offsets and timestamps stay below. */
  i64n(): number {
    const high = this.i32();
    return high * 0x1_0000_0000 + this.u32();
  }
  f32(): number {
    return this.buf.readFloatBE(this.take(4));
  }
  f64(): number {
    return this.buf.readDoubleBE(this.take(8));
  }

  /** Unsigned LEB128, at most 5 bytes (Kafka's compact lengths). */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw new DecodeError("varint longer than 32 bits");
  }
  /** Zigzag LEB128, 32 bits. */
  varint(): number {
    const n = this.uvarint();
    return (n >>> 1) ^ -(n & 1);
  }
  /** Zigzag LEB128 of up to 64 bits as a double: exact up to 2^53. */
  varlong(): number {
    let low = 0,
      high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.u8();
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (i === 9 && byte > 1) break;
      if (byte < 0x80) {
        const sign = low & 1;
        const half = ((low >>> 1) | (high << 31)) >>> 0;
        const value = (high >>> 1) * 0x1_0000_0000 + half;
        return sign ? -value - 1 : value;
      }
    }
    throw new DecodeError("varlong longer than 64 bits");
  }

  /** A slice that pins its chunk: copy it where it would outlive much larger neighbours. */
  view(n: number): Buffer {
    const at = this.take(n);
    return this.buf.subarray(at, at + n) as Buffer;
  }
  copy(n: number): Buffer {
    const at = this.take(n);
    return Buffer.from(this.buf.subarray(at, at + n));
  }
  utf8(n: number): string {
    const at = this.take(n);
    return utf8(this.buf, at, at + n);
  }
  /** Text that is likely to come again. */
  name(n: number): string {
    const at = this.take(n);
    return n <= NAME_MOST ? nameAt(this.buf, at, n) : utf8(this.buf, at, at + n);
  }
  skip(n: number): void {
    this.take(n);
  }
}

/** Names of topics, groups and clients come again and again: the last text in the same place is compared before a new one is made. */
const NAME_MOST = 32;
const recent: string[] = new Array(512).fill("");

function nameAt(buf: Buffer, at: number, n: number): string {
  // Names differ in their first letter, in their last, or in how long they are; where not, they share a place.
  const slot = n === 0 ? 0 : (buf[at]! + 31 * buf[at + n - 1]! + 97 * n) & 511;
  const known = recent[slot]!;
  if (known.length === n) {
    let i = 0;
    while (i < n && known.charCodeAt(i) === buf[at + i] && buf[at + i]! < 0x80) i++;
    if (i === n) return known;
  }
  return (recent[slot] = buf.toString("utf8", at, at + n));
}

/** Text of `buf[start, end)`. Short ASCII, which names and topics nearly always are, skips the decoder. */
export function utf8(buf: Buffer, start: number, end: number): string {
  if (end - start <= 24) {
    let text = "";
    for (let i = start; i < end; i++) {
      const byte = buf[i]!;
      if (byte >= 0x80) return buf.toString("utf8", start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return buf.toString("utf8", start, end);
}
