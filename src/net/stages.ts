import type { JumpingClock } from "../core/time.ts";
import type { Connection } from "./connection.ts";
import type { Transport } from "./transport.ts";

/**
 * What a connection asks and tells the pipeline that it stands in; there is one for each protocol. The
 * network knows nothing else of hooks, plugins and accounts.
 */
export interface ConnectionStages {
  /** False: nobody looks at bytes. Read for each chunk, either way: all that the stage costs while nobody is interested. */
  readonly seesBytes: boolean;
  /** The stage for the bytes of one connection; asked for when `seesBytes` is first true for it. */
  bytes(connection: Connection, socket: Transport, clock: JumpingClock): ByteStage;
  /** The connection's client id or user became known, or changed. */
  identified(connection: Connection): void;
  /** The connection is over. @param lost it broke or was cut: neither side closed it in the protocol's terms */
  ended(connection: Connection, lost: boolean): void;
}

/** The stage that sees a connection's bytes before they are framed, and after they were written. It keeps each direction in order. */
export interface ByteStage {
  /** Bytes on their way out that were taken from the out-buffer, and that the socket does not have yet. */
  readonly held: number;
  /** Chunks wait for their turn: whatever comes now has to go through the stage, behind them. */
  readonly waitsIn: boolean;
  readonly waitsOut: boolean;
  /** A chunk that came. It goes on to `Connection.accept`, now or later. */
  in(chunk: Buffer): void;
  /** Bytes on their way to the socket. Returns how many were taken. @param most bytes that are held at a time */
  out(bytes: Buffer, most: number): number;
}
