import type { Random } from "../../../src/hooks/random.ts";
import type { MemoryClient } from "../../../src/net/memory.ts";
import type { Ledger } from "../ledger.ts";

/** Where clients live. */
export interface Place {
  readonly ledger: Ledger;
  /** Milliseconds of the clock that everything goes by. */
  now(): number;
  /** Counts what happens to leaders of partitions: see `led`. */
  readonly changes: number;
  /** True when the broker led the partition at some time since there were that many changes. */
  led(partition: string, node: number, since: number): boolean;
  /** The offsets that a partition now has. */
  range(partition: string): { readonly start: number; readonly end: number };
  /** Null: nobody listens there, because the Kafka broker is down. */
  dial(protocol: "kafka" | "mqtt" | "amqp", node?: number): MemoryClient | null;
}

/** Milliseconds after which a client gives up on an answer, and with it on the connection. */
export const PATIENCE = 20_000;

/** A client that never waits: it does one thing when it is told to, and takes what has come. */
export interface Actor {
  readonly name: string;
  /** Does something that is possible now, as `random` has it. */
  act(random: Random): void;
  /** Takes what came, answers it, and gives up what took too long. */
  hear(): void;
  /** The chaos is over: does what is still to be done, one step at a time. */
  finish(): void;
  /** Nothing is left to be done. */
  readonly isDone: boolean;
  /** What it waits for, for whoever wonders why it is not done. */
  readonly state: string;
  /** The connection ends without a word. */
  breakOff(): void;
}
