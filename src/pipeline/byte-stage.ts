import type { Clock } from "../core/time.ts";
import type { Chain, Decision, Final } from "../hooks/chain.ts";
import type { Connection } from "../net/connection.ts";
import type { ByteStage } from "../net/stages.ts";
import type { Transport } from "../net/transport.ts";
import { ByteEvent } from "./byte-event.ts";
import { type AdapterAt, applyVerdict } from "./verdict.ts";

/** What takes a chunk that the hooks let through. */
type Pass = (chunk: Buffer) => Promise<void> | void;

/** A chunk that the hooks were asked about, and where it goes. */
interface Passing {
  readonly event: ByteEvent;
  readonly pass: Pass;
}

/** Hooks that may want to see a connection's bytes in this direction; null: none. */
type Interested = (connection: Connection, direction: "in" | "out") => Chain | null;

/**
 * The `bytes` hooks at one connection: what they decide about each chunk on its way in or out, each
 * direction in order. It exists from the first chunk on that a hook may want to see.
 */
export class HookedBytes implements ByteStage {
  held = 0;
  /** The last of the chunks that wait for their turn; null: what the hooks let through goes straight on. */
  private inTail: Promise<void> | null = null;
  private outTail: Promise<void> | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly socket: Transport,
    private readonly clock: Clock,
    private readonly interested: Interested,
  ) {}

  get waitsIn(): boolean {
    return this.inTail !== null;
  }
  get waitsOut(): boolean {
    return this.outTail !== null;
  }

  in(chunk: Buffer): void {
    const event = new ByteEvent(this.connection, "in", chunk);
    // A hook may keep what it saw, and the framer takes bytes that are its own: it gets a copy.
    const pass = (bytes: Buffer): void => this.connection.accept(Buffer.from(bytes));
    const decision = this.interested(this.connection, "in")?.decide(event) ?? null;
    if (this.inTail === null && !(decision instanceof Promise) && !event.takesTime) {
      if (decision === null) for (const piece of event.chunks) pass(piece);
      else void applyVerdict(decision, { event, pass: async (bytes: Buffer) => pass(bytes) }, this.adapter);
      return;
    }
    const turn = this.turn(this.inTail, decision, { event, pass });
    this.inTail = turn;
    // The socket is not read from meanwhile: what it holds fills the peer's window, not our memory.
    this.socket.pause();
    turn.finally(() => {
      if (this.inTail !== turn) return;
      this.inTail = null;
      if (this.connection.isReading && !this.connection.isClosed) this.socket.resume();
    });
  }

  out(bytes: Buffer, most: number): number {
    if (this.held > 0 && this.held + bytes.length > most) return 0;
    // The out-buffer uses its block again once it was accepted.
    const copy = Buffer.from(bytes);
    const event = new ByteEvent(this.connection, "out", copy);
    const decision = this.interested(this.connection, "out")?.decide(event) ?? null;
    this.held += copy.length;
    const turn: Promise<void> = this.turn(this.outTail, decision, { event, pass: (chunk) => this.send(chunk) }).finally(() => {
      this.held -= copy.length;
      if (this.outTail === turn) this.outTail = null;
      this.connection.flush();
    });
    this.outTail = turn;
    return bytes.length;
  }

  private turn(tail: Promise<void> | null, decision: Decision, passing: Passing): Promise<void> {
    return (tail ?? Promise.resolve())
      .then(() => decision)
      .then((final: Final | null): Promise<void> | void => {
        if (!this.connection.isClosed) return applyVerdict(final, passing, this.adapter);
      })
      .catch((error) => this.connection.fail(error as Error));
  }

  private readonly adapter: AdapterAt<"bytes", Passing, Promise<void> | void> = {
    pass: ({ event, pass }) => this.sendOn(event, pass),
    drop: () => undefined,
    close: async ({ event, pass }, verdict) => {
      if (verdict.kind === "hang") return this.connection.hang(verdict.ms);
      let left = verdict.after ?? 0;
      for (const chunk of event.chunks) {
        if (left > 0) await pass(chunk.subarray(0, left) as Buffer);
        left -= chunk.length;
      }
      this.connection.abort(verdict.reset);
    },
  };

  /** Piece by piece, with the pauses that the hooks asked for. */
  private async sendOn({ wait, pause, chunks }: ByteEvent, pass: Pass): Promise<void> {
    if (wait > 0) await this.clock.sleep(wait);
    for (let i = 0; i < chunks.length && !this.connection.isClosed; i++) {
      if (i > 0 && pause > 0) await this.clock.sleep(pause);
      await pass(chunks[i]!);
    }
  }

  /** Writes past the out-buffer, whose bytes these were. */
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
