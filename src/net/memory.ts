import type { Connection } from "./connection.ts";
import type { Net, Server } from "./net.ts";
import type { Transport } from "./transport.ts";

/** The client's end of a connection that has no socket: behaviour tests need no port. */
export class MemoryClient {
  connection: Connection | null = null;
  /** Everything received and not yet taken. */
  private chunks: Buffer[] = [];
  private waiting: (() => void)[] = [];
  /** Set once the broker has closed: by FIN (`end`) or RST (`reset`). */
  closedBy: "end" | "reset" | null = null;
  /** Bytes the broker may send before it has to wait for `read`. */
  window = Infinity;
  private taken = 0;

  /** Sends bytes as one chunk. */
  send(bytes: Uint8Array): void {
    // A copy, as a socket would make one.
    const chunk = Buffer.from(bytes);
    queueMicrotask(() => this.connection?.receive(chunk));
  }

  /** The bytes that came since the last call; waits for some, or for the end. */
  async read(): Promise<Buffer> {
    while (this.chunks.length === 0 && this.closedBy === null) await new Promise<void>((resolve) => this.waiting.push(resolve));
    const all = Buffer.concat(this.chunks);
    this.chunks = [];
    this.taken = 0;
    queueMicrotask(() => this.connection?.drained());
    return all;
  }

  /** What is there now, without waiting. */
  readNow(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [];
    this.taken = 0;
    return all;
  }

  /** Ends the connection from this side: as a FIN, or as a socket that broke. */
  close(error?: Error): void {
    queueMicrotask(() => this.connection?.gone(error));
  }

  /** Settles when the broker has closed the connection. */
  async closed(): Promise<"end" | "reset"> {
    while (this.closedBy === null) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.closedBy;
  }

  accept(bytes: Buffer): number {
    if (this.closedBy !== null) return -1;
    const n = Math.min(bytes.length, Math.max(0, this.window - this.taken));
    if (n > 0) {
      this.chunks.push(Buffer.from(bytes.subarray(0, n)));
      this.taken += n;
      this.wake();
    }
    return n;
  }

  ended(how: "end" | "reset"): void {
    this.closedBy ??= how;
    this.wake();
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Opens a connection in memory to a protocol. */
export function connectMemory(server: Server, net: Net, broker?: number): MemoryClient {
  const client = new MemoryClient();
  const transport: Transport = {
    kind: "memory",
    remote: "memory",
    write: (bytes) => client.accept(bytes),
    pause: () => undefined,
    resume: () => undefined,
    end: () => client.ended("end"),
    reset: () => client.ended("reset"),
  };
  client.connection = net.accept(transport, server, "plain", broker);
  return client;
}
