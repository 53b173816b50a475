import type { Clock } from "../core/time.ts";
import type { Decision, Final } from "../hooks/chain.ts";
import { ByteEvent } from "./byte-event.ts";
import type { Connection } from "./connection.ts";
import type { Transport } from "./transport.ts";

/** What takes a chunk that the hook let through. */
type Pass = (chunk: Buffer) => Promise<void> | void;

/**
 * The `bytes` hook at one connection: what it decides about each chunk on its way in or out, each way
 * in order. It is there from the first chunk on that a hook may want to see.
 */
export class ByteHooks {
  /** Bytes on their way out that were taken from the out-buffer, and that the socket does not have yet. */
  held = 0;
  /** The last of the chunks that wait for their turn; null: what the hook lets through goes straight on. */
  private inTail: Promise<void> | null = null;
  private outTail: Promise<void> | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly socket: Transport,
    private readonly clock: Clock,
  ) {}

  /** Chunks wait for their turn: whatever comes now is behind them, hook or none. */
  get waitsIn(): boolean {
    return this.inTail !== null;
  }
  get waitsOut(): boolean {
    return this.outTail !== null;
  }

  examineIn(chunk: Buffer): void {
    const event = new ByteEvent(this.connection, "in", chunk);
    // What a hook saw it may keep; the framer takes bytes that are its own.
    const pass = (bytes: Buffer): void => this.connection.accept(Buffer.from(bytes));
    const decision = this.connection.hooks.bytes?.select(this.connection, "in")?.decide(event) ?? null;
    if (this.inTail === null && !(decision instanceof Promise) && !event.takesTime) return this.after(decision, event, pass);
    const turn = this.turn(this.inTail, decision, event, pass);
    this.inTail = turn;
    // The socket is not read from meanwhile: what it holds is the peer's window, not our memory.
    this.socket.pause();
    turn.finally(() => {
      if (this.inTail !== turn) return;
      this.inTail = null;
      if (this.connection.isReading && !this.connection.isClosed) this.socket.resume();
    });
  }

  /** How much was taken, as the out-buffer's sink. @param most bytes that are held at a time */
  examineOut(bytes: Buffer, most: number): number {
    if (this.held > 0 && this.held + bytes.length > most) return 0;
    // The out-buffer uses its block again once it was accepted.
    const copy = Buffer.from(bytes);
    const event = new ByteEvent(this.connection, "out", copy);
    const decision = this.connection.hooks.bytes?.select(this.connection, "out")?.decide(event) ?? null;
    this.held += copy.length;
    const turn: Promise<void> = this.turn(this.outTail, decision, event, (chunk) => this.send(chunk)).finally(() => {
      this.held -= copy.length;
      if (this.outTail === turn) this.outTail = null;
      this.connection.flush();
    });
    this.outTail = turn;
    return bytes.length;
  }

  private turn(tail: Promise<void> | null, decision: Decision, event: ByteEvent, pass: Pass): Promise<void> {
    return (tail ?? Promise.resolve())
      .then(() => decision)
      .then(async (final) => {
        if (this.connection.isClosed) return;
        if (final !== null) return this.end(final, event, pass);
        if (event.wait > 0) await this.clock.sleep(event.wait);
        for (let i = 0; i < event.chunks.length && !this.connection.isClosed; i++) {
          if (i > 0 && event.pause > 0) await this.clock.sleep(event.pause);
          await pass(event.chunks[i]!);
        }
      })
      .catch((error) => this.connection.fail(error as Error));
  }

  /** Without waiting for anything. */
  private after(final: Final | null, event: ByteEvent, pass: (chunk: Buffer) => void): void {
    if (final === null) for (const chunk of event.chunks) pass(chunk);
    else void this.end(final, event, async (chunk) => pass(chunk));
  }

  /** What a verdict leaves of a chunk. */
  private async end(final: Final, event: ByteEvent, pass: Pass): Promise<void> {
    if (final.kind === "hang") return this.connection.reach.hang(final.ms);
    if (final.kind !== "close") return;
    let left = final.after ?? 0;
    for (const chunk of event.chunks) {
      if (left > 0) await pass(chunk.subarray(0, left) as Buffer);
      left -= chunk.length;
    }
    this.connection.abort(final.reset);
  }

  /** Writes past the out-buffer. */
  private async send(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (!this.connection.isClosed) {
      const sent = this.socket.write(rest);
      if (sent < 0 || sent >= rest.length) return;
      rest = rest.subarray(Math.max(0, sent)) as Buffer;
      await this.clock.sleep(1);
    }
  }
}
