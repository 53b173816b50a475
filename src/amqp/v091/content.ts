import type { Writer } from "../../bytes/writer.ts";
import { BODY, FRAME_END, FRAME_HEAD, FRAME_OVERHEAD, HEADER, METHOD, writeHead } from "./frames.ts";
import { type Content, namesOf } from "./message.ts";

/** Class and method id, then `weight`, before the properties in a content header: class · weight · size 64. */
const HEADER_FIXED = 12;
/** A body from this size on is sent from where it lies. */
const VIEW_FROM = 16 * 1024;

/** Copies `from[start, end)`; a few bytes by hand, since a call costs more than they do. */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > 24) from.copy(to, at, start, end);
  else for (let i = start; i < end; i++) to[at++] = from[i]!;
}

/** Writes `basic.deliver` for one consumer: all of the frame that stays the same is made once. */
export class DeliverFrame {
  /** Up to the delivery tag. */
  private readonly start: Buffer;

  constructor(
    private readonly channel: number,
    consumerTag: string,
  ) {
    const tag = Buffer.from(consumerTag);
    const b = (this.start = Buffer.alloc(FRAME_HEAD + 5 + tag.length));
    b[0] = METHOD;
    b.writeUInt16BE(channel, 1);
    b.writeUInt16BE(60, FRAME_HEAD);
    b.writeUInt16BE(60, FRAME_HEAD + 2);
    b[FRAME_HEAD + 4] = tag.length;
    tag.copy(b, FRAME_HEAD + 5);
  }

  /** The method, and the message's header and body in frames of at most `frameMax` bytes. */
  write(out: Writer, deliveryTag: number, redelivered: boolean, message: Content, frameMax: number): void {
    const { start, channel } = this;
    const { size } = message;
    const names = namesOf(message.address);
    // The usual message, of one small body frame, is written with one claim.
    const isSmall = message.pieces === null && size < VIEW_FROM && size + FRAME_OVERHEAD <= frameMax;
    const payload = start.length - FRAME_HEAD + 9 + names.length;
    const header = FRAME_OVERHEAD + HEADER_FIXED + message.propsEnd - message.propsStart;
    let at = out.claim(FRAME_OVERHEAD + payload + header + (isSmall && size > 0 ? FRAME_OVERHEAD + size : 0));
    const b = out.buf;
    copy(start, 0, start.length, b, at);
    b[at + 5] = payload >>> 8;
    b[at + 6] = payload;
    at += start.length;
    const high = Math.floor(deliveryTag / 0x1_0000_0000);
    b[at] = b[at + 1] = 0;
    b[at + 2] = high >>> 8;
    b[at + 3] = high;
    b[at + 4] = deliveryTag >>> 24;
    b[at + 5] = deliveryTag >>> 16;
    b[at + 6] = deliveryTag >>> 8;
    b[at + 7] = deliveryTag;
    b[at + 8] = redelivered ? 1 : 0;
    copy(names, 0, names.length, b, at + 9);
    at += 9 + names.length;
    b[at] = FRAME_END;
    at = contentHeader(b, at + 1, channel, message);
    if (size === 0) return;
    if (!isSmall) return writeBody(out, channel, message, frameMax);
    b[at] = BODY;
    b[at + 1] = channel >>> 8;
    b[at + 2] = channel;
    b[at + 3] = 0;
    b[at + 4] = 0;
    b[at + 5] = size >>> 8;
    b[at + 6] = size;
    copy(message.buf, message.bodyStart, message.bodyStart + size, b, at + FRAME_HEAD);
    b[at + FRAME_HEAD + size] = FRAME_END;
  }
}

/** Fills in a content header frame at `at` and returns where it ends. */
function contentHeader(b: Buffer, at: number, channel: number, message: Content): number {
  const { size } = message;
  const payload = HEADER_FIXED + message.propsEnd - message.propsStart;
  const high = Math.floor(size / 0x1_0000_0000);
  b[at] = HEADER;
  b[at + 1] = channel >>> 8;
  b[at + 2] = channel;
  b[at + 3] = payload >>> 24;
  b[at + 4] = payload >>> 16;
  b[at + 5] = payload >>> 8;
  b[at + 6] = payload;
  b[at + 7] = 0;
  b[at + 8] = 60;
  b[at + 9] = b[at + 10] = b[at + 11] = b[at + 12] = 0;
  b[at + 13] = high >>> 8;
  b[at + 14] = high;
  b[at + 15] = size >>> 24;
  b[at + 16] = size >>> 16;
  b[at + 17] = size >>> 8;
  b[at + 18] = size;
  copy(message.buf, message.propsStart, message.propsEnd, b, at + 19);
  at += FRAME_HEAD + payload;
  b[at] = FRAME_END;
  return at + 1;
}

/** Writes header and body of a message after a method frame that carries it. */
export function writeContent(out: Writer, channel: number, message: Content, frameMax: number): void {
  const at = out.claim(FRAME_OVERHEAD + HEADER_FIXED + message.propsEnd - message.propsStart);
  contentHeader(out.buf, at, channel, message);
  if (message.size > 0) writeBody(out, channel, message, frameMax);
}

/** Cuts a body into frames; where the body came in pieces, a frame never spans two of them. */
function writeBody(out: Writer, channel: number, message: Content, frameMax: number): void {
  const { pieces, buf, bodyStart, size } = message;
  const most = frameMax - FRAME_OVERHEAD;
  for (const piece of pieces ?? [buf.subarray(bodyStart, bodyStart + size)]) {
    for (let from = 0; from < piece.length; from += most) {
      const part = piece.length <= most ? piece : piece.subarray(from, from + most);
      writeHead(out, BODY, channel, part.length);
      out.view(part);
      out.u8(FRAME_END);
    }
  }
}
