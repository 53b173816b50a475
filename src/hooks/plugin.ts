/**
 * The module `havoq`: all that the author of a plugin reads.
 *
 * ```ts
 * import { definePlugin, delay } from "havoq";
 *
 * export default definePlugin({
 *   message: {
 *     match: { protocol: "kafka", topic: "payments.*" },
 *     run: (message, at) => (at.random.chance(0.2) ? delay(at.random.int(50, 500)) : undefined),
 *   },
 * });
 * ```
 */
import type { Clock } from "../core/time.ts";
import type { ConnectionFilter, ConnectionInfo, ConnectionMatch, Pattern, Protocol } from "../net/connection-info.ts";
import type { Random } from "./random.ts";
import type { Delay, Fail, Close, Drop, Duplicate, Expire, Hang, Hold, Reorder, Replace, Reply, Reroute } from "./verdicts.ts";

export * from "./verdicts.ts";
export type { Clock, Timer } from "../core/time.ts";
export type { ConnectionFilter, ConnectionInfo, ConnectionMatch, Pattern, Protocol } from "../net/connection-info.ts";
export type { Random } from "./random.ts";

/**
 * What each protocol brings along: its operations with the shapes of their bodies, its error names,
 * its messages. The protocols fill this in from their own tables.
 */
// biome-ignore lint: filled by declaration merging
export interface Protocols {}

type Of<P extends Protocol, Field extends string> = Protocols extends Record<P, Record<Field, infer T>> ? T : never;

/** The names that `fail` takes, as the protocol spells them: `NOT_LEADER_OR_FOLLOWER`, `Quota exceeded`, `NOT_FOUND`. */
export type ErrorName<P extends Protocol = Protocol> = P extends Protocol ? Of<P, "errors"> : never;
/** The operations of a protocol: `Produce`, `SUBSCRIBE`, `queue.declare`. */
export type RequestName<P extends Protocol = Protocol> = P extends Protocol ? keyof Of<P, "requests"> & string : never;
export type ResponseName<P extends Protocol = Protocol> = P extends Protocol ? keyof Of<P, "responses"> & string : never;

/** What the payload of a message must be like. A text is to be found in it, a regular expression to be met by it. */
export type PayloadPattern =
  | string
  | RegExp
  | {
      contains?: string;
      matches?: string | RegExp;
      /**
       * JSON paths, each with what has to be there: a value, a text with wildcards, a regular expression, a
       * comparison such as `">= 100"`, or a list of these; a path alone must lead somewhere:
       * `{ "$.customer.country": "DE", "$.items[*].price": "> 100" }`.
       */
      json?: string | Record<string, unknown>;
    };

/** What a hook wants to see. All that is given must hold. What needs no decoding is checked before anything is decoded. */
export interface Match extends ConnectionMatch {
  /** `Produce`, `PUBLISH`, `basic.publish`: for requests and responses. */
  operation?: Pattern;
  /** Kafka topic or MQTT topic name. */
  topic?: Pattern;
  /** AMQP exchange; the default exchange is the empty word. */
  exchange?: Pattern;
  /** AMQP queue: for deliveries and for methods that name one. */
  queue?: Pattern;
  routingKey?: Pattern;
  /** Whatever the protocol sends messages to: topic, exchange, queue; at AMQP's default exchange the routing key, which names the queue. */
  address?: Pattern;
  /** Kafka record key. */
  key?: Pattern;
  partition?: number | readonly number[];
  /** Kafka consumer group. */
  group?: Pattern;
  /** `in`: requests, messages, bytes that come; `out`: responses, deliveries, bytes that go. */
  direction?: "in" | "out";
  /** Kafka record headers, MQTT user properties, AMQP headers: each that is named must be there and fit. */
  header?: Readonly<Record<string, Pattern | number | boolean>>;
  payload?: PayloadPattern;
  /** Of the payload, in bytes: `"> 1KiB"`, `"1KiB..64KiB"`, a number for exactly so many, or `{ min, max }`. */
  size?: string | number | { min?: string | number; max?: string | number };
}

/** A header's value, as far as the protocols agree on one. */
export type HeaderValue = string | number | boolean | bigint | null | Uint8Array | HeaderValue[] | { [name: string]: HeaderValue };
export type Headers = Readonly<Record<string, HeaderValue>>;

/** A message on its way in, or a delivery on its way to one consumer. Everything is decoded when it is first read. */
export interface AnyMessage {
  readonly protocol: Protocol;
  /** The client that sent it, or for a delivery the client that gets it; null when a plugin or the admin API published it. */
  readonly connection: ConnectionInfo | null;
  /** Kafka topic, MQTT topic, AMQP exchange (for a delivery: queue). */
  readonly destination: string;
  /** Kafka record key or AMQP routing key; null where there is none. */
  readonly key: string | null;
  readonly payload: Buffer;
  /** Kafka record headers, MQTT user properties, AMQP headers. */
  readonly headers: Headers;
  /** The payload as UTF-8. */
  text(): string;
  /** The payload parsed as JSON; undefined when it is not JSON. */
  json(): any;
}

export interface KafkaMessage extends AnyMessage {
  readonly protocol: "kafka";
  readonly topic: string;
  readonly partition: number;
  /** The record's key as it came; `key` is the same as text. */
  readonly keyBytes: Buffer | null;
  /** Milliseconds since 1970, as the producer set it. */
  readonly timestamp: number;
  /** The offset, known only to deliveries; -1 before a message is stored. */
  readonly offset: number;
  /** False for a tombstone: a record whose value is null. */
  readonly hasValue: boolean;
}

export interface MqttMessage extends AnyMessage {
  readonly protocol: "mqtt";
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  /** MQTT 5.0 properties, named as in the specification in camelCase; empty below 5.0. */
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface AmqpMessage extends AnyMessage {
  readonly protocol: "amqp";
  readonly exchange: string;
  readonly routingKey: string;
  readonly vhost: string;
  /** The queue, for deliveries; empty before routing. */
  readonly queue: string;
  readonly redelivered: boolean;
  /** Basic properties: `contentType`, `deliveryMode`, `correlationId`, … (`headers` are apart). */
  readonly properties: Readonly<Record<string, unknown>>;
}

export type Message = KafkaMessage | MqttMessage | AmqpMessage;

/** What `replace` may change in a message or delivery. */
export interface MessageChanges {
  payload?: Uint8Array | string | null;
  /** Kafka record key. */
  key?: Uint8Array | string | null;
  /** Takes the place of all headers. */
  headers?: Record<string, HeaderValue>;
  /** Kafka: milliseconds since 1970. */
  timestamp?: number;
  /** Kafka: the batch goes on with a checksum that does not fit. */
  crc?: "wrong";
  /** MQTT: the topic name. */
  topic?: string;
  qos?: 0 | 1 | 2;
  retain?: boolean;
  /** AMQP. */
  exchange?: string;
  routingKey?: string;
  /** MQTT 5.0 properties or AMQP basic properties, merged over what was there. */
  properties?: Record<string, unknown>;
}

/** What `replace` may do to a chunk of bytes. */
export interface ByteChanges {
  data?: Uint8Array;
  /** Sent one by one. */
  chunks?: Uint8Array[];
  /** Cut into pieces of so many bytes. */
  size?: number;
  /** Milliseconds before the first piece, and between two. */
  wait?: number;
  pause?: number;
}

/** Where `reroute` and `broker.publish` send a message: any of the three protocols. */
export type Target =
  | { protocol: "kafka"; topic: string; partition?: number }
  | { protocol: "mqtt"; topic: string; qos?: 0 | 1 | 2; retain?: boolean }
  | { protocol: "amqp"; exchange?: string; routingKey?: string; vhost?: string };

/** A message made by a plugin. An object as payload is written as JSON. */
export type Outgoing = Target & {
  payload: Uint8Array | string | object | null;
  /** Kafka record key. */
  key?: string | Uint8Array | null;
  headers?: Record<string, HeaderValue>;
  /** AMQP basic properties or MQTT 5.0 properties. */
  properties?: Record<string, unknown>;
};

/** A Kafka request or response, an MQTT packet, an AMQP method. */
export interface Operation<Name extends string = string, Body = any> {
  readonly protocol: Protocol;
  readonly operation: Name;
  readonly connection: ConnectionInfo;
  /** The Kafka API version, the MQTT protocol level, 0 for AMQP 0-9-1. */
  readonly version: number;
  /** Decoded when first read. Change it with `replace`, not in place. */
  readonly body: Body;
  /** For a response: what was asked. */
  readonly request?: any;
}

export interface Chunk {
  readonly protocol: Protocol;
  readonly connection: ConnectionInfo;
  readonly direction: "in" | "out";
  readonly data: Buffer;
}

/** Sent to `connect` once the client has said who it is. */
export interface Connect {
  readonly protocol: Protocol;
  readonly connection: ConnectionInfo;
}
export interface Disconnect extends Connect {
  /** `client` closed it, `broker` closed it, or it broke (`error`). */
  readonly reason: "client" | "broker" | "error";
}

/** What every hook gets as its second argument. */
export interface At {
  /** Draws keyed by seed, plugin, stream and ordinal: the same in every run. */
  readonly random: Random;
  readonly clock: Clock;
  readonly connection: ConnectionInfo | null;
  /** The stream this call belongs to, and how many came on it before, counted from 0. */
  readonly stream: string;
  readonly ordinal: number;
  readonly seed: number;
  /** Prints a line with the plugin's name in front. */
  log(...words: unknown[]): void;
  /** Kept for this plugin until the process ends, reloads included. */
  readonly state: Map<string, any>;
  readonly counters: Counters;
  readonly broker: Broker;
}

export interface Counters {
  /** Adds `by` (1) to a counter of this plugin and returns the new value. */
  add(name: string, by?: number): number;
  get(name: string): number;
}

/** A virtual Kafka broker by its node id, or the whole MQTT or AMQP broker. */
export type BrokerName = number | "mqtt" | "amqp";

/** What a broker had not written to its disk when it crashed. */
export interface Unflushed {
  /** Kafka: the last that many records of each partition. */
  records?: number;
  /** Kafka and MQTT: what came in the last milliseconds. */
  ms?: number;
  /** Kafka: also where another in-sync replica takes over, as if that one had lagged as far behind. */
  unclean?: boolean;
}

/** A broker as it is now. */
export interface BrokerInfo {
  broker: BrokerName;
  /** Whether it can be connected to; a paused one still can. */
  up: boolean;
  paused: boolean;
}

/** A Kafka topic as it is now. */
export interface TopicInfo {
  name: string;
  /** `leader` is -1 where there is none; records lie from `start` up to `end`. */
  partitions: { partition: number; leader: number; replicas: readonly number[]; isr: readonly number[]; start: number; end: number }[];
}

/** A Kafka consumer group as it is now. */
export interface GroupInfo {
  id: string;
  /** `Empty`, `PreparingRebalance`, `CompletingRebalance` or `Stable`. */
  state: string;
  generation: number;
  /** Node id of its coordinator, -1 for none. */
  coordinator: number;
  members: { memberId: string; clientId: string; instanceId: string | null }[];
}

/**
 * What can be done to the brokers. Each control action adds its method here, from its own file; with arguments
 * that do not fit it throws a TypeError, with a broker, topic or partition that there is not a RangeError.
 */
// biome-ignore lint: filled by declaration merging
export interface ControlActions {}

/** The control surface. What a hook does through it is written to the journal, and done again by a replay. */
export interface Broker extends ControlActions {
  connections(filter?: ConnectionFilter): ConnectionInfo[];
  /** All brokers: Kafka's virtual ones, MQTT's, AMQP's. */
  brokers(): BrokerInfo[];
  /** Kafka's topics as they are now. */
  topics(): TopicInfo[];
  /** Kafka's consumer groups as they are now. */
  groups(): GroupInfo[];
  /** Settles when `state` holds, rejects after `timeout` milliseconds (30,000) of the clock. */
  waitFor(state: () => boolean, timeout?: number): Promise<void>;
}

type Awaitable<T> = T | Promise<T>;
type Nothing = undefined | void;

export type ConnectVerdict = Nothing | Delay | Hold | Drop | Fail | Hang | Close;
export type DisconnectVerdict = Nothing | Delay | Hold;
export type RequestVerdict = Nothing | Delay | Hold | Drop | Fail | Reply | Replace | Hang | Close;
export type ResponseVerdict = Nothing | Delay | Hold | Drop | Fail | Reply | Replace | Hang | Close;
export type MessageVerdict = Nothing | Delay | Hold | Drop | Fail | Replace | Duplicate | Reroute | Reorder | Hang | Close;
export type DeliveryVerdict = Nothing | Delay | Hold | Drop | Replace | Duplicate | Reroute | Reorder | Expire | Hang | Close;
export type BytesVerdict = Nothing | Delay | Hold | Drop | Replace | Hang | Close;

/** A function, a function that is called only where `match` holds, or several of these. */
export type Hook<Event, Verdict> = OneHook<Event, Verdict> | readonly OneHook<Event, Verdict>[];
export type OneHook<Event, Verdict> = Run<Event, Verdict> | { match?: Match; run: Run<Event, Verdict> };
type Run<Event, Verdict> = (event: Event, at: At) => Awaitable<Verdict>;

export interface Plugin {
  /** The file's name when left out. */
  name?: string;
  /** A client has said who it is: refuse it, keep it waiting, cut it off. */
  connect?: Hook<Connect, ConnectVerdict>;
  /** A connection ends: `delay` keeps its socket open for that long. */
  disconnect?: Hook<Disconnect, DisconnectVerdict>;
  /** An operation before it is carried out. */
  request?: Hook<Operation, RequestVerdict>;
  /** What answers it, after it was carried out: `drop` here is the lost acknowledgement. */
  response?: Hook<Operation, ResponseVerdict>;
  /** A message before it is stored or routed. */
  message?: Hook<Message, MessageVerdict>;
  /** A message on its way to one consumer. */
  delivery?: Hook<Message, DeliveryVerdict>;
  /** Raw bytes, either way. */
  bytes?: Hook<Chunk, BytesVerdict>;
}

/** A plugin, or a function that makes one from its options (`plugins.NAME` in havoq.yaml). */
export type PluginExport<Options = any> = Plugin | ((options: Options) => Plugin);

/** Gives a plugin its types; returns it as it is. */
export function definePlugin<const P extends PluginExport>(plugin: P): P {
  return plugin;
}

type MatchOf<P extends Protocol, Name extends string> = Omit<Match, "protocol" | "operation"> & { protocol: P; operation: Name };

/** A `request` hook whose operation is typed by its match: `onRequest({ protocol: "kafka", operation: "Produce" }, (op) => …)`. */
export function onRequest<P extends Protocol, Name extends RequestName<P>>(
  match: MatchOf<P, Name>,
  run: Run<Operation<Name, Of<P, "requests">[Name]>, RequestVerdict>,
): { match: Match; run: Run<Operation, RequestVerdict> } {
  return { match: match as Match, run: run as Run<Operation, RequestVerdict> };
}

/** A `response` hook whose operation is typed by its match. */
export function onResponse<P extends Protocol, Name extends ResponseName<P>>(
  match: MatchOf<P, Name>,
  run: Run<Operation<Name, Of<P, "responses">[Name]>, ResponseVerdict>,
): { match: Match; run: Run<Operation, ResponseVerdict> } {
  return { match: match as Match, run: run as Run<Operation, ResponseVerdict> };
}
