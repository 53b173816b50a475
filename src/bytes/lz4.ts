import { findRepeats, Inflated } from "./lz77.ts";
import { DecodeError, Reader } from "./reader.ts";
import { Writer } from "./writer.ts";
import { xxh32 } from "./xxh32.ts";

// LZ4 frame format 1.5.1, the version that Kafka's clients agree on (KIP-57). All numbers little-endian:
//   magic · FLG · BD · [content size] · [dictionary] · header checksum
//   blocks: size (top bit: stored as is) · data · [checksum] … · 0 · [content checksum]
const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;
const VERSION = 0b01 << 6;
const INDEPENDENT = 1 << 5,
  BLOCK_CHECKSUM = 1 << 4,
  CONTENT_SIZE = 1 << 3,
  CONTENT_CHECKSUM = 1 << 2,
  RESERVED = 1 << 1,
  DICTIONARY = 1;
const STORED = 0x8000_0000;
const BLOCK = 64 * 1024,
  BLOCK_CODE = 4;

/** One frame of independent 64 KiB blocks, as Java's Kafka client writes them, with a content checksum. */
export function lz4Compress(data: Uint8Array): Buffer {
  const out = new Writer(64 + data.length);
  writeU32(out, MAGIC);
  const header = out.pos;
  out.u8(VERSION | INDEPENDENT | CONTENT_CHECKSUM);
  out.u8(BLOCK_CODE << 4);
  out.u8(xxh32(out.buf, header, out.pos) >>> 8);
  for (let at = 0; at < data.length; at += BLOCK) {
    const end = Math.min(data.length, at + BLOCK);
    const mark = out.pos;
    writeU32(out, 0);
    writeBlock(out, data, at, end);
    let size = out.pos - mark - 4;
    if (size >= end - at) {
      out.pos = mark + 4;
      out.bytes(data.subarray(at, end));
      size = (end - at) | STORED;
    }
    out.buf.writeInt32LE(size, mark);
  }
  writeU32(out, 0);
  writeU32(out, xxh32(data, 0, data.length));
  return out.toBuffer();
}

/** Reads frames, blocks linked or not, and verifies every checksum that is there. */
export function lz4Decompress(data: Uint8Array, maxLength: number): Buffer {
  const reader = new Reader(Buffer.from(data.buffer, data.byteOffset, data.length));
  const out = new Inflated("lz4", maxLength);
  let frames = 0;
  do {
    const magic = readU32(reader);
    if (magic >>> 4 === SKIPPABLE >>> 4) reader.skip(readU32(reader));
    else if (magic === MAGIC) {
      readFrame(reader, out);
      frames++;
    } else throw new DecodeError("lz4: no frame where one should begin");
  } while (reader.remaining > 0);
  if (frames === 0) throw new DecodeError("lz4: no frame");
  return out.toBuffer();
}

function readFrame(reader: Reader, out: Inflated): void {
  const src = reader.buf;
  const header = reader.pos;
  const flags = reader.u8(),
    block = reader.u8();
  if ((flags & 0xc0) !== VERSION) throw new DecodeError(`lz4: frame version ${flags >> 6}`);
  const blockMost = block >> 4 < 4 || block >> 4 > 7 ? 0 : 1 << (2 * (block >> 4) + 8);
  if (flags & RESERVED || block & 0x0f || blockMost === 0) throw new DecodeError("lz4: reserved bits in the frame header");
  if (flags & DICTIONARY) throw new DecodeError("lz4: the frame wants a dictionary");
  const contentSize = flags & CONTENT_SIZE ? readU32(reader) + readU32(reader) * 0x1_0000_0000 : -1;
  const check = (xxh32(src, header, reader.pos) >>> 8) & 0xff;
  if (reader.u8() !== check) throw new DecodeError("lz4: wrong header checksum");

  const start = out.pos;
  for (;;) {
    const word = readU32(reader);
    if (word === 0) break;
    const size = word & ~STORED;
    if (size > blockMost) throw new DecodeError(`lz4: a block of ${size} bytes where ${blockMost} are the most`);
    const at = reader.take(size);
    if (flags & BLOCK_CHECKSUM && readU32(reader) !== xxh32(src, at, at + size)) throw new DecodeError("lz4: wrong block checksum");
    if (word & STORED) out.literals(src, at, size);
    else readBlock(src, at, at + size, out, flags & INDEPENDENT ? out.pos : start, blockMost);
  }
  if (contentSize >= 0 && out.pos - start !== contentSize)
    throw new DecodeError(`lz4: ${out.pos - start} bytes where ${contentSize} were announced`);
  if (flags & CONTENT_CHECKSUM && readU32(reader) !== xxh32(out.buf, start, out.pos)) throw new DecodeError("lz4: wrong content checksum");
}

/** Reads the block `src[pos, end)`; copies may reach back to `oldest` in `out`. */
function readBlock(src: Buffer, pos: number, end: number, out: Inflated, oldest: number, blockMost: number): void {
  const stop = out.pos + blockMost;
  // One byte of input makes at most 255 bytes of output.
  out.reserve(Math.min(blockMost, (end - pos) * 255));
  for (;;) {
    if (pos >= end) throw new DecodeError("lz4: block ends within a sequence");
    const token = src[pos++]!;
    let size = token >> 4;
    if (size === 15) {
      for (let more = 255; more === 255; size += more) {
        if (pos >= end) throw new DecodeError("lz4: block ends within a length");
        more = src[pos++]!;
      }
    }
    if (size > end - pos) throw new DecodeError(`lz4: ${size} literals where ${end - pos} bytes are left`);
    if (size > stop - out.pos) throw new DecodeError(`lz4: a block makes more than ${blockMost} bytes`);
    out.literals(src, pos, size);
    pos += size;
    if (pos === end) return; // a block ends with literals
    if (end - pos < 2) throw new DecodeError("lz4: block ends within an offset");
    const offset = src[pos]! | (src[pos + 1]! << 8);
    pos += 2;
    if (offset === 0 || offset > out.pos - oldest) throw new DecodeError(`lz4: copy from ${offset} bytes before, of ${out.pos - oldest}`);
    size = token & 15;
    if (size === 15) {
      for (let more = 255; more === 255; size += more) {
        if (pos >= end) throw new DecodeError("lz4: block ends within a length");
        more = src[pos++]!;
      }
    }
    size += 4;
    if (size > stop - out.pos) throw new DecodeError(`lz4: a block makes more than ${blockMost} bytes`);
    out.repeat(offset, size);
  }
}

function writeBlock(out: Writer, src: Uint8Array, start: number, end: number): void {
  const rest = findRepeats(src, start, end, (from, to, offset, length) => {
    writeLiterals(out, src, from, to, Math.min(length - 4, 15));
    const at = out.claim(2);
    out.buf[at] = offset;
    out.buf[at + 1] = offset >> 8;
    if (length - 4 >= 15) writeLength(out, length - 19);
  });
  writeLiterals(out, src, rest, end, 0);
}

/** The token, which holds both lengths as far as four bits go, and the literals. */
function writeLiterals(out: Writer, src: Uint8Array, from: number, to: number, matched: number): void {
  const n = to - from;
  out.u8((Math.min(n, 15) << 4) | matched);
  if (n >= 15) writeLength(out, n - 15);
  if (n > 32) return out.bytes(src.subarray(from, to));
  for (let at = out.claim(n); from < to; ) out.buf[at++] = src[from++]!;
}

function writeLength(out: Writer, n: number): void {
  for (; n >= 255; n -= 255) out.u8(255);
  out.u8(n);
}

function writeU32(out: Writer, v: number): void {
  const at = out.claim(4);
  out.buf.writeUInt32LE(v, at);
}

function readU32(reader: Reader): number {
  const at = reader.take(4);
  return reader.buf.readUInt32LE(at);
}
