import type { FrameLength } from "../../bytes/framer.ts";
import { DecodeError } from "../../bytes/reader.ts";
import { EMPTY, type Writer } from "../../bytes/writer.ts";
import { encodeArgs } from "./codec.ts";
import { type ArgsOut, type MethodName, specOf } from "./methods.ts";

// octet type · short channel · long size · payload · octet 0xCE                (AMQP 0-9-1, 4.2.3)
export const METHOD = 1;
export const HEADER = 2;
export const BODY = 3;
export const HEARTBEAT = 8;
export const FRAME_END = 0xce;
/** Bytes of a frame before its payload. */
export const FRAME_HEAD = 7;
/** Bytes of a frame that are not payload. */
export const FRAME_OVERHEAD = 8;
/** What every peer must accept, and the limit before one is negotiated. */
export const FRAME_MIN_SIZE = 4096;

/** The header with which a client begins and a server refuses: "AMQP", 0, 0, 9, 1. */
export const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

/** Framing itself is broken: nothing after it can be read. */
export class FrameError extends DecodeError {
  constructor(
    message: string,
    readonly type: number,
    readonly payload: Uint8Array,
  ) {
    super(message);
  }
}

/** Cuts a stream into frames of at most `frameMax` bytes, overhead included; 0 is no limit. Throws FrameError. */
export function frameLength(frameMax: number): FrameLength {
  const most = frameMax === 0 ? 0xffff_ffff : frameMax - FRAME_OVERHEAD;
  return (buf, pos, end) => {
    if (end - pos < FRAME_HEAD) return 0;
    const size = ((buf[pos + 3]! << 24) | (buf[pos + 4]! << 16) | (buf[pos + 5]! << 8) | buf[pos + 6]!) >>> 0;
    if (size > most) throw new FrameError(`{frame_too_large,${size},${most}}`, buf[pos]!, EMPTY);
    return size + FRAME_OVERHEAD;
  };
}

/** Writes one method frame. */
export function writeMethod<N extends MethodName>(out: Writer, channel: number, name: N, args: ArgsOut<N>): void {
  const { id } = specOf(name);
  out.u8(METHOD);
  out.u16(channel);
  const mark = out.open();
  out.u16(id[0]);
  out.u16(id[1]);
  encodeArgs(name, args, out);
  out.close(mark);
  out.u8(FRAME_END);
}

/** Writes the head of a frame whose payload has `size` bytes. */
export function writeHead(out: Writer, type: number, channel: number, size: number): void {
  const at = out.claim(FRAME_HEAD),
    b = out.buf;
  b[at] = type;
  b[at + 1] = channel >>> 8;
  b[at + 2] = channel;
  b[at + 3] = size >>> 24;
  b[at + 4] = size >>> 16;
  b[at + 5] = size >>> 8;
  b[at + 6] = size;
}

export function writeHeartbeat(out: Writer): void {
  writeHead(out, HEARTBEAT, 0, 0);
  out.u8(FRAME_END);
}
