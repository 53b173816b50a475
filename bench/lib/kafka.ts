// The few Kafka structures that the load generator and the null server build.
export const enum Api {
  Produce = 0,
  Fetch = 1,
  ListOffsets = 2,
  ApiVersions = 18,
  CreateTopics = 19,
  DeleteTopics = 20,
}

/** The versions spoken here: the newest that name topics instead of giving their ids, where a current client has them. */
export const VERSION: Record<Api, number> = {
  [Api.Produce]: 9,
  [Api.Fetch]: 12,
  [Api.ListOffsets]: 5,
  [Api.ApiVersions]: 0,
  [Api.CreateTopics]: 4,
  [Api.DeleteTopics]: 3,
};

/** Versions from which header and body have compact lengths and tagged fields (KIP-482). */
const FLEXIBLE: Partial<Record<Api, boolean>> = { [Api.Produce]: true, [Api.Fetch]: true };

export const NO_TAGS = Buffer.from([0]);
export const COMPACT_NULL = Buffer.from([0]);

export function request(api: Api, correlationId: number, ...body: Buffer[]): Buffer {
  const tags = FLEXIBLE[api] ? [NO_TAGS] : [];
  return sized(int16(api), int16(VERSION[api]), int32(correlationId), string("bench"), ...tags, ...body);
}

export function response(api: Api, correlationId: number, ...body: Buffer[]): Buffer {
  return sized(int32(correlationId), ...(FLEXIBLE[api] ? [NO_TAGS] : []), ...body);
}

export function sized(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
}

export const int8 = (value: number) => integer(1, (bytes) => bytes.writeInt8(value));
export const int16 = (value: number) => integer(2, (bytes) => bytes.writeInt16BE(value));
export const int32 = (value: number) => integer(4, (bytes) => bytes.writeInt32BE(value));
export const int64 = (value: number) => integer(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)));

function integer(length: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(length);
  write(bytes);
  return bytes;
}

export function string(text: string): Buffer {
  return Buffer.concat([int16(text.length), Buffer.from(text)]);
}

/** Compact lengths are one more than the length, so that 0 can mean null. */
export function compactString(text: string): Buffer {
  return compactBytes(Buffer.from(text));
}

export function compactBytes(bytes: Buffer): Buffer {
  return Buffer.concat([unsignedVarint(bytes.length + 1), bytes]);
}

export function array(...items: Buffer[]): Buffer {
  return Buffer.concat([int32(items.length), ...items]);
}

export function compactArray(...items: Buffer[]): Buffer {
  return Buffer.concat([unsignedVarint(items.length + 1), ...items]);
}

export function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

export function readUnsignedVarint(bytes: Buffer, at: number): { value: number; next: number } {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 127) << shift;
    if (byte < 128) return { value, next: at };
  }
}

const varint = (value: number) => unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0); // zigzag

/**
 * A record batch (magic 2), uncompressed, of as many records as fit into `size` bytes:
 *
 *     0 baseOffset  8 batchLength  12 partitionLeaderEpoch  16 magic  17 crc  21 attributes
 *     23 lastOffsetDelta  27 baseTimestamp  35 maxTimestamp  43 producerId  51 producerEpoch
 *     53 baseSequence  57 records
 */
export function recordBatch(size: number, value: (index: number) => Buffer): { bytes: Buffer; records: number } {
  const records: Buffer[] = [];
  for (let length = 61; ; ) {
    const body = Buffer.concat([
      int8(0), // attributes
      varint(0), // timestamp delta
      varint(records.length), // offset delta
      varint(-1), // no key
      compactLength(value(records.length)),
      varint(0), // no headers
    ]);
    const record = Buffer.concat([varint(body.length), body]);
    length += record.length;
    if (length > size) break;
    records.push(record);
  }
  const now = int64(Date.now());
  const afterCrc = Buffer.concat([
    int16(0),
    int32(records.length - 1),
    now,
    now,
    int64(-1),
    int16(-1),
    int32(-1), // no producer id, epoch, sequence
    array(...records),
  ]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32c(afterCrc));
  const afterLength = Buffer.concat([int32(-1), int8(2), crc, afterCrc]);
  return { bytes: Buffer.concat([int64(0), int32(afterLength.length), afterLength]), records: records.length };

  function compactLength(bytes: Buffer): Buffer {
    return Buffer.concat([varint(bytes.length), bytes]);
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte >>> 0;
});

function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Cuts a stream into frames. One that spans chunks is put together in a buffer that is used again,
 * so a frame is good until `onFrame` returns. Of such a frame only the first `keep` bytes are there.
 */
export class Frames {
  #buffer = Buffer.alloc(2 << 20);
  #came = 0; // bytes of the frame under way

  constructor(
    readonly onFrame: (frame: Buffer) => void,
    public keep = 2 << 20,
  ) {}

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const left = chunk.length - at;
      if (this.#came === 0 && left >= 4) {
        const length = 4 + chunk.readInt32BE(at);
        if (left >= length) {
          this.onFrame(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
      }
      const length = this.#came < 4 ? 4 : 4 + this.#buffer.readInt32BE(0);
      const taken = Math.min(length - this.#came, left);
      if (this.#came < this.keep) this.#buffer.set(chunk.subarray(at, at + Math.min(taken, this.keep - this.#came)), this.#came);
      this.#came += taken;
      at += taken;
      if (this.#came > 4 && this.#came === length) {
        this.#came = 0;
        this.onFrame(this.#buffer.subarray(0, Math.min(length, this.keep)));
      }
    }
  }
}
