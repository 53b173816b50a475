import { Writer } from "../../bytes/writer.ts";
import type { Connection } from "../../net/connection.ts";
import produce, { answerTo, LOG_START_FROM, type ProduceRequest } from "../broker/apis/00-produce.ts";
import { append, type Appended } from "./append.ts";
import type { Call } from "../broker/call.ts";
import { Errors } from "../wire/errors.ts";
import { CORRELATION_ID, writeResponseHeader } from "../wire/api.ts";
import type { Partition } from "../broker/topics.ts";

/** A frame's size comes first. */
const SIZE = 4;

/**
 * A producer that sends to one partition asks for the same again and again, save for the records. It
 * need not have the whole request read each time, nor all of the answer laid out: remembered are the
 * request's bytes up to the length of its records, and those of an answer.
 */
export class Repeat {
  private readonly head: Buffer;
  /** Bytes after the records: the ends of structs, where a flexible version could have tags. */
  private readonly tail: number;
  private readonly flexible: boolean;
  private readonly answer: Buffer;
  /** Where the base offset lies in it; log append time and log start offset follow. */
  private readonly offsets: number;
  /** Of the API. */
  readonly version: number;
  private readonly hooks: Connection["hooks"];
  private readonly hooksVersion: number;
  /** Of the request that fitted last. */
  private recordsAt = 0;
  private recordsEnd = 0;

  private constructor(
    call: Call,
    readonly body: ProduceRequest,
    private readonly partition: Partition,
    buf: Buffer,
    start: number,
    end: number,
    records: Buffer,
  ) {
    this.hooks = call.connection.hooks;
    this.hooksVersion = this.hooks.version;
    this.version = call.version;
    this.flexible = call.version >= produce.flexibleFrom;
    const length = new Writer(8);
    if (this.flexible) length.uvarint(records.length + 1);
    else length.i32(records.length);
    const at = records.byteOffset - buf.byteOffset;
    this.head = Buffer.from(buf.subarray(start, at - length.pos));
    this.tail = end - at - records.length;
    this.answer = answerWith(call, body, 0);
    // Every byte of a number differs in this one.
    const other = answerWith(call, body, -1);
    this.offsets = this.answer.findIndex((byte, i) => i >= SIZE + 4 && byte !== other[i]);
    // The records themselves are nothing to remember.
    body.topicData[0]!.partitionData[0]!.records = null;
  }

  /**
   * To be made of a request, `buf[start, end)`, that was carried out, and that no hook wanted to see.
   * Null: there is more to it than records for one partition.
   */
  static of(call: Call, body: ProduceRequest, partition: Partition, buf: Buffer, start: number, end: number): Repeat | null {
    const [topic] = body.topicData;
    if (body.topicData.length !== 1 || topic!.partitionData.length !== 1 || body.transactionalId !== null || ![-1, 1].includes(body.acks))
      return null;
    const { records } = topic!.partitionData[0]!;
    const { hooks } = call.connection;
    if (
      records === null ||
      records.length === 0 ||
      (hooks.message !== null && hooks.message.select(call.connection, partition.topic.name) !== null)
    )
      return null;
    const made = new Repeat(call, body, partition, buf, start, end, records);
    return made.fits(buf, start, end) ? made : null;
  }

  /** Is `buf[start, end)` the same again? */
  fits(buf: Buffer, start: number, end: number): boolean {
    const { head } = this;
    const size = head.length;
    if (this.partition.gone || this.hooksVersion !== this.hooks.version || end - start < size + 5) return false;
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

  /** Stores what the request that fitted carries. */
  append(call: Call, buf: Buffer): Appended {
    // No hook wants to see it: there is nothing to wait for.
    return append(call, this.partition, buf.subarray(this.recordsAt, this.recordsEnd) as Buffer, this.body.acks) as Appended;
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
    if (this.version >= LOG_START_FROM) w.i64n(this.partition.log.start);
    w.pos = at + this.answer.length;
  }
}

/** With all numbers in it that change from one to the next the same. */
function answerWith(call: Call, body: ProduceRequest, number: number): Buffer {
  const w = new Writer();
  const mark = w.open();
  writeResponseHeader(w, produce, call.version, number);
  produce.response.encode(
    call.version,
    w,
    answerTo(call, body, [{ error: Errors.NONE, baseOffset: number, logAppendTime: number, reason: null }])!,
  );
  w.close(mark);
  return w.toBuffer();
}
