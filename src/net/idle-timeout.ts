import type { JumpingClock, Timer } from "../core/time.ts";
import type { Connection } from "./connection.ts";

/**
 * Calls `over` when the peer has been silent for `ms` milliseconds. Time that `advance` jumps over does
 * not count against a peer in another process: it could not send anything in it.
 */
export class IdleTimeout implements Timer {
  /** When the peer was heard last, in milliseconds of the clock. */
  since: number;
  private timer: Timer;

  constructor(
    private readonly connection: Connection,
    private readonly clock: JumpingClock,
    private readonly ms: number,
    private readonly over: () => void,
  ) {
    this.since = clock.now();
    this.timer = clock.after(ms, () => this.check());
  }

  cancel(): void {
    this.timer.cancel();
  }

  private check(): void {
    const silent = this.connection.silentFor(this.since);
    if (silent >= this.ms) return this.over();
    // None of the time so far counts: it begins anew.
    if (silent === 0) this.since = this.clock.now();
    this.timer = this.clock.after(this.connection.timeLeft(this.ms - silent), () => this.check());
  }
}

/** On its way out: until the protocols say `IdleTimeout`. */
export { IdleTimeout as Patience };
