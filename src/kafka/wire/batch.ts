import type { Codec } from "../../bytes/compression.ts";
import { crc32c } from "../../bytes/crc32c.ts";
import type { ErrorName } from "./errors.ts";

/**
 * A record batch (message format v2, KIP-98). The broker keeps batches as they came and looks at
 * their header only:
 *
 * | at | bytes | field |
 * |---|---|---|
 * | 0 | 8 | base offset |
 * | 8 | 4 | length of what follows |
 * | 12 | 4 | partition leader epoch |
 * | 16 | 1 | magic: 2 |
 * | 17 | 4 | CRC32C of what follows |
 * | 21 | 2 | attributes: bits 0–2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon |
 * | 23 | 4 | last offset delta |
 * | 27 | 8 | base timestamp |
 * | 35 | 8 | max timestamp |
 * | 43 | 8 | producer id |
 * | 51 | 2 | producer epoch |
 * | 53 | 4 | base sequence |
 * | 57 | 4 | count of records |
 * | 61 | … | records, compressed all together |
 *
 * Base offset and leader epoch lie before the checksum, so appending patches them in place.
 */
export class Batch {
  /** @param at where in `buf` the batch begins; it must hold at least a header, see `batchAt` */
  constructor(
    readonly buf: Buffer,
    readonly at: number,
  ) {}

  /** In bytes, header included. */
  get size(): number {
    return LENGTH_END + this.buf.readInt32BE(this.at + LENGTH);
  }
  get bytes(): Buffer {
    const { buf, at, size } = this;
    return at === 0 && size === buf.length ? buf : (buf.subarray(at, at + size) as Buffer);
  }
  get baseOffset(): number {
    return this.int64(0);
  }
  get leaderEpoch(): number {
    return this.buf.readInt32BE(this.at + LEADER_EPOCH);
  }
  get attributes(): number {
    return this.buf.readInt16BE(this.at + ATTRIBUTES);
  }
  /** Null for none; undefined for a number that no codec has. */
  get codec(): Codec | null | undefined {
    return CODECS[this.attributes & 7];
  }
  get logAppendTime(): boolean {
    return (this.attributes & LOG_APPEND_TIME) !== 0;
  }
  get transactional(): boolean {
    return (this.attributes & TRANSACTIONAL) !== 0;
  }
  get control(): boolean {
    return (this.attributes & CONTROL) !== 0;
  }
  get lastOffsetDelta(): number {
    return this.buf.readInt32BE(this.at + LAST_OFFSET_DELTA);
  }
  get baseTimestamp(): number {
    return this.int64(BASE_TIMESTAMP);
  }
  get maxTimestamp(): number {
    return this.int64(MAX_TIMESTAMP);
  }
  get producerId(): number {
    return this.int64(PRODUCER_ID);
  }
  get producerEpoch(): number {
    return this.buf.readInt16BE(this.at + PRODUCER_EPOCH);
  }
  get baseSequence(): number {
    return this.buf.readInt32BE(this.at + BASE_SEQUENCE);
  }
  get count(): number {
    return this.buf.readInt32BE(this.at + COUNT);
  }

  /** Does the checksum hold? */
  get intact(): boolean {
    return this.buf.readUInt32BE(this.at + CRC) === crc32c(this.buf, this.at + ATTRIBUTES, this.at + this.size);
  }

  /** Gives the batch its place in a log. */
  place(baseOffset: number, leaderEpoch: number): void {
    this.putInt64(0, baseOffset);
    this.buf.writeInt32BE(leaderEpoch, this.at + LEADER_EPOCH);
  }

  /** Makes every record carry `time` (message.timestamp.type=LogAppendTime); null: the time it came with. */
  stamp(time: number | null): void {
    const { attributes } = this;
    this.buf.writeInt16BE(time === null ? attributes & ~LOG_APPEND_TIME : attributes | LOG_APPEND_TIME, this.at + ATTRIBUTES);
    if (time !== null) this.putInt64(MAX_TIMESTAMP, time);
    this.seal();
  }

  /** Gives its first record another number among those of its producer. */
  number(baseSequence: number): void {
    this.buf.writeInt32BE(baseSequence, this.at + BASE_SEQUENCE);
    this.seal();
  }

  /** Computes the checksum anew. */
  seal(): void {
    this.buf.writeUInt32BE(crc32c(this.buf, this.at + ATTRIBUTES, this.at + this.size), this.at + CRC);
  }

  /** Makes the checksum a wrong one. */
  spoilChecksum(): void {
    this.buf.writeUInt32BE(~this.buf.readUInt32BE(this.at + CRC) >>> 0, this.at + CRC);
  }

  private int64(field: number): number {
    const at = this.at + field;
    return this.buf.readInt32BE(at) * 0x1_0000_0000 + this.buf.readUInt32BE(at + 4);
  }
  private putInt64(field: number, value: number): void {
    const at = this.at + field;
    this.buf.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.buf.writeUInt32BE(value >>> 0, at + 4);
  }
}

export const HEADER = 61;
export const CODECS: readonly (Codec | null)[] = [null, "gzip", "snappy", "lz4", "zstd"];
export const LOG_APPEND_TIME = 8,
  TRANSACTIONAL = 16,
  CONTROL = 32;

const LENGTH = 8,
  LENGTH_END = 12,
  LEADER_EPOCH = 12,
  MAGIC = 16,
  CRC = 17,
  ATTRIBUTES = 21,
  LAST_OFFSET_DELTA = 23;
const BASE_TIMESTAMP = 27,
  MAX_TIMESTAMP = 35,
  PRODUCER_ID = 43,
  PRODUCER_EPOCH = 51,
  BASE_SEQUENCE = 53,
  COUNT = 57;

/** Why a producer's records are refused: the error and, where clients show it, the reason. */
export class Refused {
  /** @param unread the batch was not even looked at as a candidate for the log */
  constructor(
    readonly error: ErrorName,
    readonly reason: string,
    readonly unread = false,
  ) {}
}

/** What every message format has, and the least it can be (format 0). */
const LENGTH_LEAST = 14;

/** The size of the batch that begins at `at`; null where none does, or none that is whole: Kafka passes over such bytes. */
function sizeAt(records: Buffer, at: number): number | null | Refused {
  const left = records.length - at;
  if (left < LENGTH_END) return null;
  const length = records.readInt32BE(at + LENGTH);
  if (length < LENGTH_LEAST) return new Refused("CORRUPT_MESSAGE", `a batch of length ${length}`, true);
  if (left <= MAGIC) return null;
  const magic = records.readInt8(at + MAGIC);
  if (magic < 0 || magic > 2) return new Refused("CORRUPT_MESSAGE", `message format ${magic}`, true);
  return LENGTH_END + length > left ? null : LENGTH_END + length;
}

/**
 * The one batch a producer may send per partition, checked as Kafka does: format, size, checksum,
 * offsets that count from zero without holes, and, where they are not compressed, as many records
 * as it says, which fill it. Bytes behind it that are no batch are ignored.
 */
export function producedBatch(records: Buffer | null, maxSize: number): Batch | Refused {
  const size = records === null ? null : sizeAt(records, 0);
  if (size === null) return new Refused("INVALID_RECORD", "no whole record batch", true);
  if (typeof size !== "number") return size;
  const magic = records!.readInt8(MAGIC);
  if (magic < 2) return new Refused("INVALID_RECORD", `message format ${magic}: only 2 can be written`, true);
  if (size < HEADER) return new Refused("CORRUPT_MESSAGE", `a batch of ${size} bytes is shorter than its header`, true);
  if (size !== records!.length) {
    const next = sizeAt(records!, size);
    if (next !== null) return typeof next === "number" ? new Refused("INVALID_RECORD", "more than one record batch", true) : next;
  }
  if (size > maxSize) return new Refused("MESSAGE_TOO_LARGE", `a batch of ${size} bytes, at most ${maxSize} are allowed`, true);
  const batch = new Batch(size === records!.length ? records! : (records!.subarray(0, size) as Buffer), 0);
  if (!batch.intact) return new Refused("CORRUPT_MESSAGE", "the checksum does not match", true);
  const { codec } = batch;
  if (codec === undefined) return new Refused("UNKNOWN_SERVER_ERROR", "unknown compression");
  if (batch.control) return new Refused("INVALID_RECORD", "clients do not write control batches");
  if (batch.baseOffset !== 0) return new Refused("INVALID_RECORD", `base offset ${batch.baseOffset}, not 0`);
  if (batch.count <= 0 || batch.lastOffsetDelta !== batch.count - 1) {
    return new Refused("INVALID_RECORD", `${batch.count} records with a last offset delta of ${batch.lastOffsetDelta}`);
  }
  if (batch.producerId >= 0 && batch.baseSequence < 0) {
    return new Refused("INVALID_RECORD", `base sequence ${batch.baseSequence} of producer ${batch.producerId}`);
  }
  const problem = codec === null ? tilingProblem(batch) : null;
  return problem === null ? batch : new Refused(problem, `what follows the header is not ${batch.count} records`);
}

/**
 * Why the lengths of `count` records do not lead from the header to the end of the batch; null when
 * they do. Records of one size are common and begin with the same bytes: a guess that holds spares
 * the next step from waiting for this one.
 */
function tilingProblem(batch: Batch): ErrorName | null {
  const { buf } = batch;
  const end = batch.at + batch.size;
  let at = batch.at + HEADER;
  let first = -1,
    second = -1,
    step = 0;
  for (let left = batch.count; left > 0; left--) {
    if (buf[at] === first && buf[at + 1] === second) {
      at += step;
      continue;
    }
    if (at >= end) return "INVALID_RECORD";
    const from = at;
    let byte = buf[at++]!;
    let zigzag = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (at >= end) return "INVALID_RECORD";
      if (shift > 28) return "UNKNOWN_SERVER_ERROR"; // Kafka trips over a varint that never ends
      byte = buf[at++]!;
      zigzag |= (byte & 0x7f) << shift;
    }
    if (zigzag <= 0 || (zigzag & 1) !== 0) return "INVALID_RECORD";
    if (at === from + 2) {
      first = buf[from]!;
      second = byte;
      step = 2 + (zigzag >>> 1);
    }
    at += zigzag >>> 1;
  }
  return at === end ? null : "INVALID_RECORD";
}

/** The batches that follow each other in `bytes`; one that is cut off at the end is left out, as fetches may do that. */
export function* batches(bytes: Buffer): Generator<Batch> {
  for (let at = 0; bytes.length - at >= HEADER; ) {
    const batch = new Batch(bytes, at);
    if (batch.size < HEADER || batch.size > bytes.length - at) return;
    yield batch;
    at += batch.size;
  }
}
