import type { Server } from "../lib/options.ts";

/** What a load is to be. */
export interface Wanted {
  server: Server;
  connections: number;
  qos: 0 | 1 | 2;
  /** Takes what comes back. */
  receive(payload: Uint8Array): void;
  /** Takes an error that ends the run. */
  fail(error: Error): void;
  /** One more connection is there. */
  connected(): void;
}

/** An open load: one per protocol. */
export interface Load {
  /** Sends on connection `i`; what it throws or rejects with ends the run. */
  send(i: number, payloads: readonly Buffer[]): void | Promise<void>;
  close(): Promise<void>;
}

/** Makes many of something, some at a time: brokers have a backlog. */
export async function inWaves<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i += 50) {
    made.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, (_, j) => make(i + j)))));
  }
  return made;
}
