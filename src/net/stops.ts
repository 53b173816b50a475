import type { ConnectionFilter } from "./connection-info.ts";

/** Which direction is stopped, seen from the broker: `in` is what clients send. */
export type Direction = "in" | "out" | "both";

/** A reason for which the input or the output of a connection is stopped. Several may hold at once. */
export interface Stop {
  readonly direction: Direction;
  /** The broker itself stands still: it does not notice how long its peers are silent. */
  readonly brokerPaused: boolean;
  /** The socket is still read from, so that it is noticed when the peer closes; what was read is not handled. */
  readonly readsSocket: boolean;
}

/** Blocked by the control action `block`, until `unblock`. */
export const BLOCKED: Stop = { direction: "both", brokerPaused: false, readsSocket: false };
/** Hanging, because of the verdict `hang`. */
export const HANGING: Stop = { direction: "both", brokerPaused: true, readsSocket: true };

/** A paused broker, as if its process were stopped (SIGSTOP): all its connections, and those that come. */
export class Pause implements Stop {
  readonly direction = "both";
  readonly brokerPaused = true;
  readonly readsSocket = false;
  constructor(readonly filter: ConnectionFilter) {}
}

/** A network partition between clients and brokers, in one direction or both, until it is healed. */
export class Partition implements Stop {
  readonly brokerPaused = false;
  readonly readsSocket = false;
  /** Settles when it is healed. */
  readonly healed: Promise<void>;
  readonly heal: () => void;

  constructor(
    readonly filter: ConnectionFilter,
    readonly direction: Direction,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.healed = promise;
    this.heal = resolve;
  }
}
