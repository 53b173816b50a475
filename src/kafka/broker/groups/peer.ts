import { Deadline } from "../../../core/deadline.ts";
import type { Clock } from "../../../core/time.ts";

/** The connection of whoever is waited for; see `Connection`. */
export interface Peer {
  silentFor(since: number): number;
  timeLeft(ms: number): number;
}

/**
 * Something that happens unless a client says something in time. What the clock jumps over is not
 * held against a client that could be heard.
 */
export class PeerDeadline {
  private since = 0;
  private ms = 0;
  private readonly deadline: Deadline;

  constructor(
    private readonly clock: Clock,
    public peer: Peer,
    expired: () => void,
  ) {
    this.deadline = new Deadline(clock, () => {
      const left = this.ms - this.peer.silentFor(this.since);
      if (left <= 0) expired();
      else this.deadline.set(this.peer.timeLeft(left));
    });
  }

  /** Expires when the client has had `ms` milliseconds from now. */
  set(ms: number): void {
    this.since = this.clock.now();
    this.ms = ms;
    this.deadline.set(ms);
  }

  clear(): void {
    this.deadline.clear();
  }
}
