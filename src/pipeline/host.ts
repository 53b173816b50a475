import type { JumpingClock } from "../core/time.ts";
import type { Outgoing } from "../hooks/plugin.ts";
import type { Random } from "../hooks/random.ts";
import type { Net } from "../net/net.ts";
import type { BrokerEvents } from "./broker-events.ts";
import type { Pipeline } from "./pipeline.ts";

/** What an endpoint gets from the process it runs in. */
export interface Host {
  /** For the stages, intake and outlet; not for brokers and handlers. */
  readonly pipeline: Pipeline;
  /** For brokers: who listens to what they do of their own accord; null: nobody. Read it anew each time. */
  readonly events: BrokerEvents | null;
  readonly clock: JumpingClock;
  readonly net: Net;
  /**
   * Sends a message to whichever protocol its target names: for `reroute`. Where there is no such
   * target that is printed and the message is gone: a plugin named it, and no client is to blame.
   */
  publish(message: Outgoing): void;
  /** Draws for ids that the broker makes up, keyed by seed and `stream`: the same in every run. */
  random(stream: string): Random;
  /** Prints a line for the person at the terminal. */
  print(line: string): void;
}

/** The host of an endpoint that stands behind this pipeline. */
export function hostOf(pipeline: Pipeline, rest: Omit<Host, "pipeline" | "events">): Host {
  return Object.defineProperty({ ...rest, pipeline, events: null }, "events", {
    get: () => pipeline.observer,
  }) as Host;
}
