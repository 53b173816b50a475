import { Writer } from "../../bytes/writer.ts";
import { type AnyTable, CORRELATION_ID, writeResponseHeader } from "../wire/api.ts";
import { Errors } from "../wire/errors.ts";
import type { Shortcut } from "../pipeline/endpoint.ts";
import { append, type Appended } from "./append.ts";
import type { Call } from "./call.ts";
import type { Partition } from "./topics.ts";

/** What of a Produce request is needed here. */
export interface Repeatable {
  readonly acks: number;
  readonly topicData: readonly { readonly partitionData: { records: Buffer | null }[] }[];
}

/** What the API tells of itself. */
export interface Answering<Body> {
  readonly table: AnyTable;
  /** The answer tells where the log begins from this version on. */
  readonly logStartFrom: number;
  answerTo(call: Call, body: Body, results: readonly Appended[]): any;
}

/** A frame's size comes first. */
const SIZE = 4;

/**
 * A producer that sends to one partition asks for the same again and again, save for the records. It
 * need not have the whole request read each time, nor all of the answer laid out: remembered are the
 * request's bytes up to the length of its records, and those of an answer.
 */
export class Repeat<Body extends Repeatable> implements Shortcut {
  private readonly head: Buffer;
  /** Bytes after the records: the ends of structs, where a flexible version could have tags. */
  private readonly tail: number;
  private readonly flexible: boolean;
  private readonly answer: Buffer;
  /** Where the base offset lies in it; log append time and log start offset follow. */
  private readonly offsets: number;
  /** Of the API. */
  readonly version: number;
  /** Of the request that fitted last. */
  private recordsAt = 0;
  private recordsEnd = 0;

  /**
   * Of a request that was carried out: its only batch is `records`, for `partition`.
   */
  private constructor(
    private readonly api: Answering<Body>,
    call: Call,
    readonly body: Body,
    private readonly partition: Partition,
    records: Buffer,
  ) {
    const { buf, start, end } = call.received;
    this.version = call.version;
    this.flexible = call.version >= api.table.flexibleFrom;
    const length = new Writer(8);
    if (this.flexible) length.uvarint(records.length + 1);
    else length.i32(records.length);
    const at = records.byteOffset - buf.byteOffset;
    this.head = Buffer.from(buf.subarray(start, at - length.pos));
    this.tail = end - at - records.length;
    this.answer = answerWith(api, call, body, 0);
    // Every byte of a number differs in this one.
    const other = answerWith(api, call, body, -1);
    this.offsets = this.answer.findIndex((byte, i) => i >= SIZE + 4 && byte !== other[i]);
    // The records themselves are nothing to remember.
    body.topicData[0]!.partitionData[0]!.records = null;
  }

  /** Null: its bytes do not lie as usual. */
  static of<Body extends Repeatable>(
    api: Answering<Body>,
    call: Call,
    body: Body,
    partition: Partition,
    records: Buffer,
  ): Repeat<Body> | null {
    const { buf, start, end } = call.received;
    const made = new Repeat(api, call, body, partition, records);
    return made.fits(buf, start, end) ? made : null;
  }

  /** Is `buf[start, end)` the same again? */
  fits(buf: Buffer, start: number, end: number): boolean {
    const { head } = this;
    const size = head.length;
    if (this.partition.gone || end - start < size + 5) return false;
    for (let i = SIZE; i < CORRELATION_ID; i++) if (head[i] !== buf[start + i]) return false;
    for (let i = CORRELATION_ID + 4; i < size; i++) if (head[i] !== buf[start + i]) return false;
    let at = start + size,
      length = 0;
    if (this.flexible) {
      for (let shift = 0; ; shift += 7) {
        const byte = buf[at++]!;
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
        if (shift === 28 || at >= end) return false;
      }
      length--;
    } else {
      length = buf.readInt32BE(at);
      at += 4;
    }
    const { tail } = this;
    if (length < 1 || at + length + tail !== end) return false;
    for (let i = end - tail; i < end; i++) if (buf[i] !== 0) return false;
    this.recordsAt = at;
    this.recordsEnd = end - tail;
    return true;
  }

  carryOut(call: Call, out: Writer): object | null {
    const appended = this.append(call, call.received.buf);
    if (appended.error !== Errors.NONE) return this.api.answerTo(call, this.body, [appended]);
    this.write(out, call.correlationId, appended);
    return null;
  }

  /** Stores what the request that fitted carries. */
  append(call: Call, buf: Buffer): Appended {
    return append(call, this.partition, buf.subarray(this.recordsAt, this.recordsEnd) as Buffer, this.body.acks, undefined);
  }

  /** The answer that says it was stored. */
  write(w: Writer, correlationId: number, { baseOffset, logAppendTime }: Appended): void {
    const at = w.claim(this.answer.length);
    this.answer.copy(w.buf, at);
    w.pos = at + SIZE;
    w.i32(correlationId);
    w.pos = at + this.offsets;
    w.i64n(baseOffset);
    w.i64n(logAppendTime);
    if (this.version >= this.api.logStartFrom) w.i64n(this.partition.log.start);
    w.pos = at + this.answer.length;
  }
}

/** With all numbers in it that change from one to the next the same. */
function answerWith<Body>(api: Answering<Body>, call: Call, body: Body, number: number): Buffer {
  const w = new Writer();
  const mark = w.open();
  writeResponseHeader(w, api.table, call.version, number);
  const stored: Appended = { error: Errors.NONE, baseOffset: number, logAppendTime: number, reason: null };
  api.table.response.encode(call.version, w, api.answerTo(call, body, [stored]));
  w.close(mark);
  return w.toBuffer();
}
