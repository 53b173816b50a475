import { compress, decompress, type Codec } from "../../bytes/compression.ts";
import { DecodeError, Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { Batch, CODECS, CONTROL, HEADER, LOG_APPEND_TIME, TRANSACTIONAL } from "./batch.ts";

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

/** One record of a batch. Keys and values are views: of the batch, or of what it was decompressed into. */
export interface KafkaRecord {
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** No batch decompresses to more: a kilobyte could ask for gigabytes. */
const MOST = 128 * 1024 * 1024;

/**
 * Opens a batch. Records come one at a time, so a reader may stop early.
 * @throws DecodeError when what lies behind the header is not `count` records
 */
export function* records(batch: Batch): Generator<KafkaRecord, void> {
  const { codec, count, baseOffset, baseTimestamp } = batch;
  if (codec === undefined) throw new DecodeError("unknown compression");
  const body = batch.buf.subarray(batch.at + HEADER, batch.at + batch.size) as Buffer;
  const r = new Reader(codec === null ? body : decompress(codec, body, MOST));
  const appended = batch.logAppendTime ? batch.maxTimestamp : null;
  const end = r.end;
  for (let i = 0; i < count; i++) {
    const size = r.varint();
    const next = r.take(size) + size;
    r.pos = next - size;
    r.end = next;
    r.skip(1); // attributes: unused in format v2
    const timestamp = baseTimestamp + r.varlong();
    const offset = baseOffset + r.varint();
    const key = nullable(r);
    const value = nullable(r);
    const headers: RecordHeader[] = [];
    for (let left = countOf(r); left > 0; left--) headers.push({ key: r.utf8(r.varint()), value: nullable(r) });
    if (r.pos !== next) throw new DecodeError(`record ${i} has ${next - r.pos} bytes too many`);
    r.end = end;
    yield { offset, timestamp: appended ?? timestamp, key, value, headers };
  }
  if (r.remaining > 0) throw new DecodeError(`${r.remaining} bytes after ${count} records`);
}

function nullable(r: Reader): Buffer | null {
  const n = r.varint();
  return n < 0 ? null : r.view(n);
}

/** A header takes two bytes at least. */
function countOf(r: Reader): number {
  const n = r.varint();
  if (n < 0 || n * 2 > r.remaining) throw new DecodeError(`${n} headers announced, ${r.remaining} bytes left`);
  return n;
}

/** What a batch is made of. Offsets count from `baseOffset`; records may leave holes, as compaction does. */
export interface BatchDraft {
  baseOffset?: number;
  leaderEpoch?: number;
  codec?: Codec | null;
  /** Set when the broker gives all records one time. */
  logAppendTime?: number | null;
  transactional?: boolean;
  control?: boolean;
  producerId?: number;
  producerEpoch?: number;
  baseSequence?: number;
  /** Given to keep offsets that the last records had before they were dropped. */
  lastOffsetDelta?: number;
  baseTimestamp?: number;
  records: readonly RecordDraft[];
}

export interface RecordDraft {
  /** Without it, one more than the record before. */
  offset?: number;
  timestamp: number;
  key?: Uint8Array | null;
  value: Uint8Array | null;
  headers?: readonly { key: string; value: Uint8Array | null }[];
}

export function writeBatch(draft: BatchDraft): Batch {
  const baseOffset = draft.baseOffset ?? 0;
  const baseTimestamp = draft.baseTimestamp ?? draft.records[0]?.timestamp ?? 0;
  let maxTimestamp = draft.records.length > 0 ? -1 : baseTimestamp;
  let offsetDelta = -1;
  const body = new Writer(1024);
  const scratch = new Writer(256);
  for (const record of draft.records) {
    offsetDelta = record.offset === undefined ? offsetDelta + 1 : record.offset - baseOffset;
    maxTimestamp = Math.max(maxTimestamp, record.timestamp);
    scratch.pos = 0;
    writeRecord(scratch, record, record.timestamp - baseTimestamp, offsetDelta);
    body.varint(scratch.pos);
    body.bytes(scratch.buf.subarray(0, scratch.pos));
  }
  const codec = draft.codec ?? null;
  const plain = body.buf.subarray(0, body.pos);
  const packed = codec === null ? plain : compress(codec, plain);
  const w = new Writer(HEADER + packed.length);
  w.i64n(baseOffset);
  w.i32(HEADER - 12 + packed.length);
  w.i32(draft.leaderEpoch ?? -1);
  w.i8(2);
  w.u32(0); // checksum, see seal
  w.i16(
    CODECS.indexOf(codec) |
      (draft.logAppendTime == null ? 0 : LOG_APPEND_TIME) |
      (draft.transactional ? TRANSACTIONAL : 0) |
      (draft.control ? CONTROL : 0),
  );
  w.i32(draft.lastOffsetDelta ?? Math.max(0, offsetDelta));
  w.i64n(baseTimestamp);
  w.i64n(draft.logAppendTime ?? maxTimestamp);
  w.i64n(draft.producerId ?? -1);
  w.i16(draft.producerEpoch ?? -1);
  w.i32(draft.baseSequence ?? -1);
  w.i32(draft.records.length);
  w.bytes(packed);
  const batch = new Batch(w.buf, 0);
  batch.seal();
  return batch;
}

/** The same batch with other records: everything they and `other` do not say stays, the range of offsets included. */
export function rewrite(batch: Batch, changed: readonly RecordDraft[], other: Partial<BatchDraft> = {}): Batch {
  return writeBatch({
    baseOffset: batch.baseOffset,
    leaderEpoch: batch.leaderEpoch,
    codec: batch.codec ?? null,
    logAppendTime: batch.logAppendTime ? batch.maxTimestamp : null,
    transactional: batch.transactional,
    control: batch.control,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    baseTimestamp: batch.baseTimestamp,
    lastOffsetDelta: batch.lastOffsetDelta,
    ...other,
    records: changed,
  });
}

function writeRecord(w: Writer, record: RecordDraft, timestampDelta: number, offsetDelta: number): void {
  w.i8(0);
  w.varlong(timestampDelta);
  w.varint(offsetDelta);
  writeNullable(w, record.key ?? null);
  writeNullable(w, record.value);
  const headers = record.headers ?? [];
  w.varint(headers.length);
  for (const header of headers) {
    w.varint(Buffer.byteLength(header.key));
    w.utf8(header.key);
    writeNullable(w, header.value);
  }
}

function writeNullable(w: Writer, bytes: Uint8Array | null): void {
  if (bytes === null) return w.varint(-1);
  w.varint(bytes.length);
  w.bytes(bytes);
}
