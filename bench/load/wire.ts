// One raw TCP client connection: awaited reads for the handshake, then every chunk to one function.
import { fail } from "./run.ts";

export class Wire {
  #socket!: Bun.Socket;
  #early: Buffer[] = [];
  #waiting: { length: number; resolve: (bytes: Buffer) => void } | null = null;
  #onData: ((chunk: Buffer) => void) | null = null;
  onDrain: () => void = () => {};

  static async open(port: number): Promise<Wire> {
    const wire = new Wire();
    wire.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, chunk) => wire.#data(chunk),
        drain: () => wire.onDrain(),
        close: () => fail("the server closed a connection"),
        error: (_, error) => fail(error.stack ?? error.message), // also what a handler throws
      },
    });
    return wire;
  }

  /** Bytes taken; the rest waits for `onDrain`. */
  write(bytes: Uint8Array): number {
    return Math.max(0, this.#socket.write(bytes));
  }

  /** Sends something small. */
  send(bytes: Uint8Array): void {
    if (this.#socket.write(bytes) !== bytes.length) fail("a handshake did not fit into the socket");
  }

  read(length: number): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#waiting = { length, resolve };
      this.#serve();
    });
  }

  /** From now on every chunk goes to `onData`, those that came early first. */
  stream(onData: (chunk: Buffer) => void): void {
    this.#onData = onData;
    for (const chunk of this.#early.splice(0)) onData(chunk);
  }

  #data(chunk: Buffer): void {
    if (this.#onData !== null) return this.#onData(chunk);
    this.#early.push(chunk);
    this.#serve();
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const bytes = Buffer.concat(this.#early);
    if (bytes.length < waiting.length) return;
    this.#early = bytes.length > waiting.length ? [bytes.subarray(waiting.length)] : [];
    this.#waiting = null;
    waiting.resolve(bytes.subarray(0, waiting.length));
  }
}
