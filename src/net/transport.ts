import type { ConnectionInfo } from "./connection-info.ts";

/** One socket, whatever its kind. Writes are never queued here: `write` says how much was taken. */
export interface Transport {
  readonly kind: ConnectionInfo["transport"];
  /** The peer's address and port. */
  readonly remote: string;
  /** Bytes accepted: 0 when full (a `drained` call follows), -1 when closed. */
  write(bytes: Buffer): number;
  /** Stops and resumes reading; a transport that cannot is bounded by its peer's window. */
  pause(): void;
  resume(): void;
  /** FIN, after what was accepted. */
  end(): void;
  /** RST, where the transport has one. */
  reset(): void;
}

/** What a transport calls; `Connection` is one. */
export interface TransportEvents {
  receive(chunk: Buffer): void;
  drained(): void;
  /** The peer has sent its FIN; the other direction is still open. */
  ended(): void;
  /** The socket is gone: by the peer, or because it broke. */
  gone(error?: Error): void;
}
