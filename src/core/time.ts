/** A call that a clock will make; `cancel` does nothing once it has been made. */
export interface Timer {
  cancel(): void;
}

/**
 * The only time that havoq knows. It runs as the machine's does, and can be advanced, so that
 * time-outs of hours are tested without waiting.
 */
export interface Clock {
  /** Milliseconds since 1970, moved forward by every `advance`. */
  now(): number;
  /** Calls `run` once when `ms` milliseconds of this clock have passed. */
  after(ms: number, run: () => void): Timer;
  /** Settles when `ms` milliseconds of this clock have passed. */
  sleep(ms: number): Promise<void>;
}

/** The clock as the brokers have it: it knows which of its time nobody lived through. */
export interface JumpingClock extends Clock {
  /** Milliseconds since `time` that were jumped over: whoever is outside had no chance to do anything in them. */
  skippedSince(time: number): number;
  /** Where the jump under way will end; now, when there is none. */
  horizon(): number;
}
