/**
 * `havoq/testing`: brokers of their own for a test.
 *
 * ```ts
 * import { start } from "havoq/testing";
 *
 * test("an order that is acknowledged late is booked once", async () => {
 *   await using havoq = await start({ seed: 1 });
 *   const lost = await havoq.rule({ match: { operation: "Produce" }, when: { nth: 2 }, fault: { "lose-answer": { cut: true } } });
 *   // … clients connect to havoq.kafka.brokers …
 *   expect(await lost.fired()).toBe(1);
 * });
 * ```
 *
 * Under Bun the brokers run within the test's process; under Node they are the binary as a child process.
 */

/** A duration: `"45s"`, or milliseconds. */
export type Duration = string | number;
/** A text with wildcards, a regular expression as `/source/flags`, or several of them. */
export type Pattern = string | readonly string[];

/** Match, when and fault: the same as in a chaos file. */
export interface Rule {
  name?: string;
  description?: string;
  enabled?: boolean;
  /** It may stay unfired. */
  optional?: boolean;
  match?: {
    protocol?: "kafka" | "mqtt" | "amqp" | readonly ("kafka" | "mqtt" | "amqp")[];
    /** `Produce`, `PUBLISH`, `basic.publish`. */
    operation?: Pattern;
    direction?: "in" | "out";
    topic?: Pattern;
    exchange?: Pattern;
    queue?: Pattern;
    routingKey?: Pattern;
    address?: Pattern;
    key?: Pattern;
    group?: Pattern;
    client?: Pattern;
    user?: Pattern;
    partition?: number | readonly number[];
    broker?: number | readonly number[];
    connection?: number | readonly number[];
    transport?: "tcp" | "tls" | "websocket" | "memory";
    header?: Readonly<Record<string, unknown>>;
    payload?: unknown;
    size?: unknown;
  };
  when?: {
    always?: boolean;
    once?: boolean;
    nth?: number | readonly number[];
    every?: number | string;
    times?: number;
    probability?: number;
    after?: unknown;
    until?: unknown;
    window?: unknown;
    per?: "connection" | "client" | "key" | "topic" | "partition";
  };
  for?: Duration;
  /** The fault's name, or the name with its options: `{ latency: { ms: 200 } }`. */
  fault?: string | Readonly<Record<string, unknown>>;
  preset?: string | Readonly<Record<string, unknown>>;
}

/** A rule in force. */
export interface TestRule {
  readonly id: string;
  /** How often it fired. */
  fired(): Promise<number>;
  /** How many events its match admitted. */
  matched(): Promise<number>;
  /** Settles when it has fired so often; rejects when that takes longer than `timeout` (30s). */
  untilFired(times?: number, timeout?: Duration): Promise<void>;
  /** Out of force for a while, or back. */
  enable(enabled: boolean): Promise<void>;
  /** Out of force; what it did to the brokers is taken back. */
  remove(): Promise<void>;
}

/** A number, or from and up to. */
export type Amount = number | { from?: number; to?: number };

/** What can be waited for, the same as in scenarios. All that is given must hold at once. */
export type State =
  | {
      group: string;
      is?: "empty" | "stable" | "dead" | "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";
      members?: Amount;
      /** At most so far behind what it committed, in all topics or one. */
      lag?: Amount;
      topic?: string;
    }
  /** `records` lie in it; at least so many `messages` ever came. */
  | { topic: string; records?: Amount; messages?: Amount }
  /** `depth` is also called `ready`, `unacknowledged` also `unacked`. */
  | {
      queue: string;
      vhost?: string;
      depth?: Amount;
      ready?: Amount;
      unacknowledged?: Amount;
      unacked?: Amount;
      consumers?: Amount;
      delivered?: Amount;
    }
  | { client: string; is: "connected" | "disconnected" }
  | { session: string; connected: boolean }
  | { connections: Readonly<Record<string, unknown>>; count: Amount }
  | { rule: string; fired: Amount }
  | { broker: number | "mqtt" | "amqp"; is: "up" | "down" | "paused" }
  /** A plugin, or a rule. */
  | { fired: string; times?: Amount }
  /** Messages stored, of which there is an account. */
  | { messages: Amount; on?: string };

/** One line of the journal: a verdict, or a use of the control surface. */
export interface JournalEntry {
  n: number;
  /** Milliseconds since the start. */
  at: number;
  rule: string;
  protocol: "kafka" | "mqtt" | "amqp";
  name: string;
  stream: string;
  ordinal: number;
  verdict?: string;
  action?: string;
  detail?: unknown;
  reason?: string;
}

/** A message to publish. An object as payload is written as JSON. */
export type Message =
  | {
      protocol: "kafka";
      topic: string;
      partition?: number;
      key?: string | null;
      payload?: unknown;
      headers?: Readonly<Record<string, string | number | boolean | null>>;
    }
  | {
      protocol: "mqtt";
      topic: string;
      qos?: 0 | 1 | 2;
      retain?: boolean;
      payload?: unknown;
      headers?: Readonly<Record<string, string | number | boolean | null>>;
    }
  | {
      protocol: "amqp";
      exchange?: string;
      routingKey?: string;
      vhost?: string;
      payload?: unknown;
      headers?: Readonly<Record<string, string | number | boolean | null>>;
    };

export interface StartOptions {
  /** Of all random draws; a fresh one when left out. */
  seed?: number;
  /** Rules that are in force from the start. */
  rules?: readonly Rule[];
  /** A folder of plugins. */
  plugins?: string;
  /** What a havoq.yaml may hold. Ports are left alone: free ones are taken. */
  config?: Readonly<Record<string, unknown>>;
  /** Node only: the binary. Else it is HAVOQ_BINARY, or the one that came with the package. */
  binary?: string;
}

/** Brokers of their own. Stop them, or declare them with `await using`. */
export interface TestHavoq {
  readonly seed: number;
  /** As clients want it. */
  readonly kafka: { readonly brokers: string[] };
  readonly mqtt: { readonly url: string; readonly wsUrl: string };
  readonly amqp: { readonly url: string };
  /** The HTTP API. */
  readonly admin: { readonly url: string };
  /** The same as `havoq exec` sets: for processes that a test starts. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts a rule in force. Rejects with what is wrong with it. */
  rule(rule: Rule): Promise<TestRule>;
  /** Removes all rules. */
  clear(): Promise<void>;
  /** Settles when a state is reached; rejects when that takes longer than `timeout` (30s). */
  until(state: State, timeout?: Duration): Promise<void>;
  /** Moves the brokers' time on: everything that was due on the way happens. */
  advance(by: Duration): Promise<void>;
  /** Something of this name happened, as far as rules with `after: { event: NAME }` or `until` are concerned. */
  raise(event: string): Promise<void>;
  /** A method of the control surface with named arguments: `control("electLeader", { topic: "orders", partition: 0 })`. */
  control(method: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  publish(message: Message): Promise<void>;
  /** Every verdict that fired, oldest first. */
  journal(): Promise<JournalEntry[]>;
  /** Any other request to the HTTP API; answers with what it returned. Rejects with the API's words. */
  request(method: string, path: string, body?: unknown): Promise<any>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type Start = (options?: StartOptions) => Promise<TestHavoq>;
