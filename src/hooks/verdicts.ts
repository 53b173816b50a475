/**
 * What a hook may answer: a small closed set. Nothing returned means `pass`. Hooks run in the order
 * of their plugins; delays add up, `replace` feeds the next hook, any other verdict ends the chain.
 * Each takes a reason, which the journal keeps.
 */
import type { ByteChanges, ErrorName, MessageChanges, Target } from "./plugin.ts";

export type Verdict = Delay | Hold | Drop | Fail | Reply | Replace | Duplicate | Reroute | Reorder | Expire | Hang | Close;
export type VerdictKind = Verdict["kind"];

export interface Delay {
  readonly kind: "delay";
  readonly ms: number;
  /** The client is told that it has to wait, where its protocol has a word for that. */
  readonly tell?: boolean;
  readonly reason?: string;
}
export interface Hold {
  readonly kind: "hold";
  readonly until: Promise<unknown>;
  readonly reason?: string;
}
export interface Drop {
  readonly kind: "drop";
  readonly reason?: string;
}
export interface Fail {
  readonly kind: "fail";
  readonly code: string;
  readonly reason?: string;
}
export interface Reply {
  readonly kind: "reply";
  readonly body: object;
  readonly reason?: string;
}
export interface Replace {
  readonly kind: "replace";
  readonly changes: object;
  readonly reason?: string;
}
export interface Duplicate {
  readonly kind: "duplicate";
  readonly times: number;
  readonly reason?: string;
}
export interface Reroute {
  readonly kind: "reroute";
  readonly to: Target;
  readonly reason?: string;
}
export interface Reorder {
  readonly kind: "reorder";
  readonly places: number;
  readonly ms: number;
  readonly reason?: string;
}
export interface Expire {
  readonly kind: "expire";
  readonly reason?: string;
}
export interface Hang {
  readonly kind: "hang";
  /** Milliseconds after which the connection is reset. */
  readonly ms?: number;
  readonly reason?: string;
}
export interface Close {
  readonly kind: "close";
  readonly reset: boolean;
  /** Bytes of the chunk that still go on; only for `bytes`. */
  readonly after?: number;
  readonly reason?: string;
}

/** Goes on after `ms` milliseconds; this direction of this connection waits, so order holds. */
export function delay(ms: number, reason?: string): Delay {
  return { kind: "delay", ms, reason };
}

/** Goes on when the promise settles; this direction of this connection waits. */
export function hold(until: Promise<unknown>, reason?: string): Hold {
  return { kind: "hold", until, reason };
}

/**
 * Lost without a trace. A request is never carried out nor answered; a response is never sent; a message is
 * acknowledged but not stored.
 */
export function drop(reason?: string): Drop {
  return { kind: "drop", reason };
}

/** Answered with one of the protocol's own errors: Kafka's names, MQTT's reason names, AMQP's reply codes. */
export function fail(code: [ErrorName] extends [never] ? string : ErrorName, reason?: string): Fail {
  return { kind: "fail", code, reason };
}

/** Answered with this body, without being carried out. */
export function reply(body: object, reason?: string): Reply {
  return { kind: "reply", body, reason };
}

/**
 * Goes on changed. For messages see `MessageChanges`; for operations the fields given replace those of the body;
 * for bytes see `ByteChanges`.
 */
export function replace(changes: MessageChanges | ByteChanges | Record<string, unknown>, reason?: string): Replace {
  return { kind: "replace", changes, reason };
}

/** Happens `times` more times, 1 unless told. */
export function duplicate(times = 1, reason?: string): Duplicate {
  return { kind: "duplicate", times, reason };
}

/** Goes somewhere else instead, also to another protocol. */
export function reroute(to: Target, reason?: string): Reroute {
  return { kind: "reroute", to, reason };
}

/**
 * Steps aside until `places` others have come for the same destination, or for the same consumer,
 * but for no longer than `ms` milliseconds.
 */
export function reorder(places: number, ms = 1000, reason?: string): Reorder {
  return { kind: "reorder", places, ms, reason };
}

/** The message's time is over before it goes out: its TTL ran out, or its topic's retention has passed. */
export function expire(reason?: string): Expire {
  return { kind: "expire", reason };
}

/**
 * Nothing more is handled and nothing more is said on this connection, which stays open: for good, or until it is
 * reset after `ms` milliseconds.
 */
export function hang(ms?: number, reason?: string): Hang {
  return { kind: "hang", ...(ms === undefined ? {} : { ms }), reason };
}

/**
 * The connection is closed: FIN, or RST with `reset`. What was in the middle of it is not answered; of a chunk of
 * bytes, `after` bytes still go on.
 */
export function close(options: { reset?: boolean; after?: number } = {}, reason?: string): Close {
  const { reset = false, after } = options;
  return { kind: "close", reset, ...(after === undefined ? {} : { after }), reason };
}
