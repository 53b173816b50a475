import { findRepeats, Inflated } from "./lz77.ts";
import { DecodeError, Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** What snappy-java's streams begin with; then come two 32-bit versions, then blocks with their lengths before them. */
const XERIAL = Buffer.from("\x82SNAPPY\0", "latin1");
const XERIAL_BLOCK = 32 * 1024;

/** Snappy in xerial framing, which is what Java's Kafka client writes and expects. */
export function snappyCompress(data: Uint8Array): Buffer {
  const out = new Writer(64 + data.length);
  out.bytes(XERIAL);
  out.u32(1); // version
  out.u32(1); // oldest version that can read it
  for (let at = 0; at < data.length; at += XERIAL_BLOCK) {
    const mark = out.open();
    writeBlock(out, data, at, Math.min(data.length, at + XERIAL_BLOCK));
    out.close(mark);
  }
  return out.toBuffer();
}

/** Reads xerial framing, and bare Snappy, which clients without Java send. */
export function snappyDecompress(data: Uint8Array, maxLength: number): Buffer {
  const src = Buffer.from(data.buffer, data.byteOffset, data.length);
  const out = new Inflated("snappy", maxLength);
  const reader = new Reader(src);
  if (!xerial(src, 0)) readBlock(reader, out, maxLength);
  else {
    while (reader.remaining > 0) {
      // Streams may follow each other, each with its header.
      if (xerial(src, reader.pos)) {
        reader.skip(XERIAL.length + 8);
        continue;
      }
      const size = reader.u32();
      const start = reader.take(size);
      readBlock(new Reader(src, start, start + size), out, maxLength);
    }
  }
  return out.toBuffer();
}

function xerial(src: Buffer, at: number): boolean {
  return src.length - at >= XERIAL.length + 8 && src.compare(XERIAL, 0, XERIAL.length, at, at + XERIAL.length) === 0;
}

function writeBlock(out: Writer, src: Uint8Array, start: number, end: number): void {
  out.uvarint(end - start);
  const rest = findRepeats(src, start, end, (from, to, offset, length) => {
    if (to > from) writeLiterals(out, src, from, to);
    // A copy says at most 64 bytes. Short and near ones have a form of two bytes, for 4 to 11.
    while (length >= 68) {
      writeCopy(out, offset, 64);
      length -= 64;
    }
    if (length > 64) {
      writeCopy(out, offset, 60);
      length -= 60;
    }
    if (length < 12 && offset < 2048) {
      out.u8(1 | ((length - 4) << 2) | ((offset >> 8) << 5));
      out.u8(offset);
    } else writeCopy(out, offset, length);
  });
  if (end > rest) writeLiterals(out, src, rest, end);
}

function writeCopy(out: Writer, offset: number, length: number): void {
  const at = out.claim(3);
  out.buf[at] = 2 | ((length - 1) << 2);
  out.buf[at + 1] = offset;
  out.buf[at + 2] = offset >> 8;
}

function writeLiterals(out: Writer, src: Uint8Array, from: number, to: number): void {
  const n = to - from - 1;
  if (n < 60) out.u8(n << 2);
  else if (n < 0x100) {
    out.u8(60 << 2);
    out.u8(n);
  } else {
    out.u8(61 << 2);
    out.u8(n);
    out.u8(n >> 8);
  }
  out.bytes(src.subarray(from, to));
}

/** Reads one bare Snappy block up to the end of `reader`. */
function readBlock(reader: Reader, out: Inflated, maxLength: number): void {
  const length = reader.uvarint();
  const start = out.pos;
  const stop = start + length;
  if (stop > maxLength) throw new DecodeError(`snappy: more than ${maxLength} bytes`);
  // The densest element makes 64 bytes of 3.
  out.reserve(Math.min(length, reader.remaining * 22 + 64));
  const src = reader.buf;
  while (reader.remaining > 0) {
    const tag = reader.u8();
    let size: number, offset: number;
    switch (tag & 3) {
      case 0: {
        size = tag >> 2;
        if (size >= 60) {
          const bytes = size - 59;
          size = 0;
          for (let i = 0; i < bytes; i++) size += reader.u8() * 2 ** (8 * i);
        }
        size += 1;
        const from = reader.take(size);
        if (size > stop - out.pos) throw new DecodeError(`snappy: more bytes than the ${length} announced`);
        out.literals(src, from, size);
        continue;
      }
      case 1:
        size = 4 + ((tag >> 2) & 7);
        offset = ((tag >> 5) << 8) | reader.u8();
        break;
      case 2:
        size = 1 + (tag >> 2);
        offset = reader.u8() | (reader.u8() << 8);
        break;
      default:
        size = 1 + (tag >> 2);
        offset = (reader.u8() | (reader.u8() << 8) | (reader.u8() << 16) | (reader.u8() << 24)) >>> 0;
    }
    if (offset === 0 || offset > out.pos - start) throw new DecodeError(`snappy: copy from ${offset} bytes before, of ${out.pos - start}`);
    if (size > stop - out.pos) throw new DecodeError(`snappy: more bytes than the ${length} announced`);
    out.repeat(offset, size);
  }
  if (out.pos !== stop) throw new DecodeError(`snappy: ${out.pos - start} bytes where ${length} were announced`);
}
