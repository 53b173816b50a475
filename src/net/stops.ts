import type { ConnectionFilter } from "../hooks/plugin.ts";

/** Which way nothing passes, seen from the broker. */
export type Direction = "in" | "out" | "both";

/** Why a connection neither reads nor writes, or does one of them only. */
export interface Stop {
  readonly direction: Direction;
  /** The broker sleeps: it does not notice that peers are silent. */
  readonly asleep: boolean;
  /** The socket is still looked at: that the peer leaves is noticed. */
  readonly sees: boolean;
}

/** The control surface's `block`. */
export const BLOCKED: Stop = { direction: "both", asleep: false, sees: false };
/** What the verdict `hang` does. */
export const HANGING: Stop = { direction: "both", asleep: true, sees: true };

/** A broker that is as if its process were stopped: all its connections, and those that come. */
export class Pause implements Stop {
  readonly direction = "both";
  readonly asleep = true;
  readonly sees = false;
  constructor(readonly filter: ConnectionFilter) {}
}

/** Clients that do not reach brokers, or are not reached by them, until it is healed. */
export class Partition implements Stop {
  readonly asleep = false;
  readonly sees = false;
  /** Settles when it is over. */
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
