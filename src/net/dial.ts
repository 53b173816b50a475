import type { Socket } from "bun";
import { Framer, type FrameLength } from "../bytes/framer.ts";
import { OutBuffer } from "../bytes/out-buffer.ts";
import { flushSoon } from "./flush.ts";

/** Where a real broker listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What is done with the frames of a connection that we opened. */
export interface UpstreamSession {
  readonly frameLength: FrameLength;
  /** One whole frame; see `OnFrame`. */
  frame(buf: Buffer, start: number, end: number): boolean | void;
  /** The connection is over: closed by the broker, broken, or sent what cannot be read. Not called after our own `close`. */
  lost(error: Error | null): void;
  /** The broker takes more again, after `writable` was false. */
  drained?(): void;
}

/** Unsent bytes above which `writable` is false. */
const HIGH_WATER = 1024 * 1024;

/** A connection to a real broker, opened from here: frames in, bytes out, flushed once a tick. */
export class Upstream {
  readonly out: OutBuffer;
  isClosed = false;
  private readonly framer: Framer;
  private starved = false;
  private holds = 0;

  private constructor(
    private readonly socket: Socket<Upstream | null>,
    private readonly session: UpstreamSession,
  ) {
    this.out = new OutBuffer(
      (bytes) => (this.isClosed ? -1 : this.socket.write(bytes)),
      () => flushSoon(this),
    );
    this.framer = new Framer(session.frameLength, (buf, start, end) => session.frame(buf, start, end));
  }

  /** Opens a TCP connection. Rejects with an error that names the address where nobody listens. */
  static async dial(address: Address, session: (upstream: Upstream) => UpstreamSession): Promise<Upstream> {
    const early: Buffer[] = [];
    let ended = false;
    let socket: Socket<Upstream | null>;
    try {
      socket = await Bun.connect<Upstream | null>({
        hostname: address.host,
        port: address.port,
        data: null,
        socket: {
          data: (from, chunk) => (from.data == null ? void early.push(chunk) : from.data.receive(chunk)),
          drain: (from) => from.data?.flush(),
          end: (from) => (from.data == null ? void (ended = true) : from.data.over(null)),
          close: (from, error) => (from.data == null ? void (ended = true) : from.data.over(error ?? null)),
          error: (from, error) => from.data?.over(error),
        },
      });
    } catch (error) {
      throw new Error(`cannot connect to ${address.host}:${address.port}: ${(error as Error).message}`);
    }
    let made: UpstreamSession | null = null;
    const upstream: Upstream = new Upstream(socket, {
      frameLength: (buf, pos, end) => made!.frameLength(buf, pos, end),
      frame: (buf, start, end) => made!.frame(buf, start, end),
      lost: (error) => made!.lost(error),
      drained: () => made!.drained?.(),
    });
    made = session(upstream);
    socket.data = upstream;
    for (const chunk of early) upstream.receive(chunk);
    if (ended) upstream.over(null);
    return upstream;
  }

  private receive(chunk: Buffer): void {
    if (this.isClosed) return;
    try {
      this.framer.push(chunk);
    } catch (error) {
      this.over(error as Error);
    }
  }

  /** False while the broker reads too slowly; `UpstreamSession.drained` follows. */
  get writable(): boolean {
    if (this.out.pending <= HIGH_WATER) return true;
    this.starved = true;
    return false;
  }

  /** Nothing more is read until the promise settles: for a client that reads too slowly, or a verdict that is awaited. */
  holdInput(until: Promise<unknown>): void {
    if (this.holds++ === 0) {
      this.framer.pause();
      this.socket.pause();
    }
    const release = (): void => {
      if (--this.holds > 0 || this.isClosed) return;
      this.socket.resume();
      try {
        this.framer.resume();
      } catch (error) {
        this.over(error as Error);
      }
    };
    until.then(release, release);
  }

  /** A change of framing within the stream. */
  reframe(length: FrameLength): void {
    this.framer.reframe(length);
  }

  flush(): void {
    if (this.isClosed) return;
    this.out.flush();
    if (this.starved && this.out.pending <= HIGH_WATER / 4) {
      this.starved = false;
      this.session.drained?.();
    }
  }

  /** Closes after what was written. */
  close(): void {
    if (this.isClosed) return;
    this.out.flush();
    this.isClosed = true;
    this.framer.close();
    this.socket.end();
  }

  /** Closes at once, unsent bytes are lost. */
  reset(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.framer.close();
    this.socket.terminate();
  }

  private over(error: Error | null): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.framer.close();
    this.socket.end();
    this.session.lost(error);
  }
}
