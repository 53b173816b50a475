import type { HookEvent } from "./event.ts";
import type { JournalEntry } from "./journal-entry.ts";
import type { HookPoint } from "./match.ts";
import type { AnyMessage, ConnectionInfo, Protocol } from "./plugin.ts";

/** What tells two messages in one place apart: a Kafka offset, or the message itself where it is handed on as an object. */
export type MessageId = number | object;

/** One message in the place that keeps it: a Kafka partition (`orders-3`), an AMQP queue, an MQTT topic. */
export interface Stored {
  readonly protocol: Protocol;
  readonly place: string;
  readonly id: MessageId;
}

/** A message on its way to one of those who take from its place. */
export interface Delivered extends Stored {
  /** Who has an account of its own: an MQTT client id; all consumers of an AMQP queue share "", Kafka's are told by their connection. */
  readonly consumer: string;
  readonly connection: ConnectionInfo;
  /** Kafka offset, MQTT packet identifier, AMQP delivery tag; 0 where there is none. */
  readonly tag: number;
  /** What the delivery hooks were asked about, where they were. */
  readonly event: object | null;
}

/** How a message that came ended before it was stored: by a verdict, an error of the protocol's own, or because it is stored already. */
export type Refusal = "drop" | "reroute" | "fail" | "close" | "error" | "repeated" | (string & {});

/** Why a place let go of a message that nobody took. */
export type Departure =
  | "expired"
  | "maxlen"
  | "rejected"
  | "delivery_limit"
  | "overflow"
  | "too large"
  | "removed"
  | "session ended"
  | "crash"
  | "rejected by a full queue";

/**
 * Told what the brokers did, after they did it: never asked, and nothing that it does changes what
 * happens. Each protocol's core tells it at a handful of places, all written
 * `if (hooks.observer !== null) hooks.observer.…`, so that without one they cost a null check.
 *
 * A message is told of by the very object that the message hooks were asked about, where they were:
 * that is how what `fired` on it is found again.
 */
export interface Observer {
  /** A verdict or an action was written to the journal; `event` is null for what no event led to. */
  fired(point: HookPoint | null, event: HookEvent | null, entry: JournalEntry): void;
  /** A client or plugin sent a message; no hook has seen it. */
  received(message: AnyMessage): void;
  /** It was not stored. */
  refused(message: AnyMessage, how: Refusal): void;
  /** It was put into its place; once for each queue that it went to. */
  stored(place: string, id: MessageId, message: AnyMessage): void;
  /** A consumer is owed a copy, whether it is there or not (MQTT). */
  queued(of: Stored, consumer: string): void;
  /** Written to a consumer; with `settled` nobody will acknowledge it. */
  delivered(delivered: Delivered, settled: boolean): void;
  /** A verdict kept it from a consumer; `forGood` when the broker will not try again by itself. */
  withheld(delivered: Delivered, verdict: string, forGood: boolean): void;
  /** A consumer took it for good. */
  acknowledged(of: Stored, consumer: string): void;
  /** It came back and waits again. */
  returned(of: Stored): void;
  /** Nobody will get it from there any more; `consumer` where only its copy is meant. */
  left(of: Stored, why: Departure, consumer: string | null, deadLettered: boolean): void;
  /** A log let go of everything below an offset. */
  trimmed(place: string, below: number, why: Departure): void;
  /** A log lost its end, from an offset on. */
  truncated(place: string, from: number): void;
  /** A connection belongs to a consumer group. */
  joined(group: string, connection: ConnectionInfo): void;
  /** A group's position was committed, or refused with `error`. */
  committed(group: string, place: string, offset: number, member: string, connection: ConnectionInfo, error: string | null): void;
  /** A connection ended; `lost`: it was cut, and nobody said goodbye. */
  disconnected(connection: ConnectionInfo, lost: boolean): void;
}
