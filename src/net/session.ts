import type { FrameLength } from "../bytes/framer.ts";

export type CloseReason = "client" | "broker" | "error";

/** What a protocol does with one connection. */
export interface Session {
  readonly frameLength: FrameLength;
  /** One whole frame, `buf[start, end)`; the bytes are never written to again, unless the answer is true: see OnFrame. */
  frame(buf: Buffer, start: number, end: number): boolean | void;
  /**
   * The frame could not be read or handled. Answers in the protocol's own terms where it has one;
   * the connection is closed afterwards, whatever is done here.
   */
  failed(error: Error): void;
  /** Called once, when the socket is gone or has been closed from here. The socket ends when the promise settles. */
  closed(reason: CloseReason): void | Promise<unknown>;
  /** The connection takes deliveries again after `writable` was false. */
  drained?(): void;
  /** The broker shuts down: says goodbye where the protocol has a word for it. */
  goodbye?(): void;
}
