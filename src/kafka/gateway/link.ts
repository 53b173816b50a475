import { DecodeError } from "../../bytes/reader.ts";
import { type Address, Upstream, type UpstreamSession } from "../../net/dial.ts";

/** The largest answer of a broker that is read, in bytes. */
const ANSWER_MOST = 1024 * 1024 * 1024;
/** Where in an answer, its size counted, the correlation id lies. */
const CORRELATION_ID = 4;

interface Asked {
  readonly correlationId: number;
  settle(answer: Buffer | null): void;
}

/** A connection to one broker of the cluster. It answers in the order in which it was asked. */
export class Link implements UpstreamSession {
  isClosed = false;
  private readonly asked: Asked[] = [];
  private drain: (() => void) | null = null;

  private constructor(
    private readonly upstream: Upstream,
    private readonly onLost: (error: Error | null) => void,
  ) {}

  /** @param onLost the broker ended the connection, or sent what cannot be read @throws Error where nobody listens */
  static async open(address: Address, onLost: (error: Error | null) => void): Promise<Link> {
    let link: Link;
    await Upstream.dial(address, (upstream) => (link = new Link(upstream, onLost)));
    return link!;
  }

  readonly frameLength = (buf: Buffer, pos: number, end: number): number => {
    if (end - pos < 4) return 0;
    const size = buf.readInt32BE(pos);
    if (size < 4 || size > ANSWER_MOST) throw new DecodeError(`an answer of ${size} bytes: at most ${ANSWER_MOST} are read`);
    return 4 + size;
  };

  frame(buf: Buffer, start: number, end: number): void {
    const id = buf.readInt32BE(start + CORRELATION_ID);
    const asked = this.asked.shift();
    if (asked === undefined) throw new DecodeError(`an answer to request ${id}, which was not asked`);
    if (asked.correlationId !== id) throw new DecodeError(`an answer to request ${id} where ${asked.correlationId} is next`);
    asked.settle(buf.subarray(start, end) as Buffer);
  }

  /** Sends a request, its size counted, and gets the answer, its size counted; null: the connection is over. */
  ask(request: Uint8Array, correlationId: number): Promise<Buffer | null> {
    if (this.isClosed) return Promise.resolve(null);
    const answer = new Promise<Buffer | null>((settle) => this.asked.push({ correlationId, settle }));
    this.upstream.out.view(request);
    return answer;
  }

  /** Sends a request that is not answered. A promise settles when the broker reads on. */
  tell(request: Uint8Array): void | Promise<void> {
    if (this.isClosed) return;
    this.upstream.out.view(request);
    if (!this.upstream.writable) return new Promise((settle) => (this.drain = settle));
  }

  drained(): void {
    this.drain?.();
    this.drain = null;
  }

  lost(error: Error | null): void {
    this.over();
    this.onLost(error);
  }

  /** The client has gone. */
  close(): void {
    this.over();
    this.upstream.close();
  }

  private over(): void {
    this.isClosed = true;
    for (const { settle } of this.asked.splice(0)) settle(null);
    this.drained();
  }
}
