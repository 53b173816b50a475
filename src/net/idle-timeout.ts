import type { JumpingClock, Timer } from "../core/time.ts";
import type { Connection } from "./connection.ts";

/**
 * The end of a peer's time to say something. What the clock jumps over is not held against a peer
 * that could be heard: it had no chance to speak in it.
 */
export class Patience implements Timer {
  /** When it was heard last, in milliseconds of the clock. */
  since: number;
  private alarm: Timer;

  constructor(
    private readonly connection: Connection,
    private readonly clock: JumpingClock,
    private readonly ms: number,
    private readonly over: () => void,
  ) {
    this.since = clock.now();
    this.alarm = clock.after(ms, () => this.look());
  }

  cancel(): void {
    this.alarm.cancel();
  }

  private look(): void {
    const silent = this.connection.silentFor(this.since);
    if (silent >= this.ms) return this.over();
    // Nobody was to blame so far: it begins anew.
    if (silent === 0) this.since = this.clock.now();
    this.alarm = this.clock.after(this.connection.timeLeft(this.ms - silent), () => this.look());
  }
}
