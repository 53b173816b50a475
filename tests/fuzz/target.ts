import type { AdvanceableClock } from "../../src/hooks/clock.ts";
import type { Protocol } from "../../src/hooks/plugin.ts";
import type { Random } from "../../src/hooks/random.ts";
import type { MemoryClient } from "../../src/net/memory.ts";
import type { Net } from "../../src/net/net.ts";

/** Where a broker under fire stands: in memory, or behind a port. */
export interface Stage {
  readonly net: Net;
  readonly clock: AdvanceableClock;
  /** What the broker printed and reported since this was emptied. */
  readonly lines: string[];
  open(): Promise<MemoryClient>;
}

/** Something malformed to send. */
export interface Shot {
  bytes: Buffer;
  /** It announces more than it brings: whatever follows would be taken for its rest. */
  last?: boolean;
}

/** One hostile connection. */
export interface Attacker {
  /** What comes before the first shot: usually enough that the broker listens. */
  greeting(): Buffer[];
  shot(): Shot;
  /** What the broker says; returns an answer, or null when it listens no longer. */
  hear(bytes: Buffer): Buffer[] | null;
}

/** One protocol: how it is attacked, and the client beside that must not notice. */
export interface Target {
  readonly protocol: Protocol;
  readonly stage: Stage;
  /** Connections of the well-behaved client. */
  readonly connections: number;
  attacker(random: Random): Attacker;
  /** The well-behaved client sends message `n` and gets it back; rejects when it gets anything else. */
  exchange(n: number): Promise<void>;
  /** Rejects unless exactly the messages that were exchanged are where the well-behaved client left them; lets go of them. */
  verify(): Promise<void>;
  /** Removes what frames created that were valid by chance, so that what stays is what the broker forgot. */
  sweep(): void;
}
