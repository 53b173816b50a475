import { deliveryStream, type Fact, type FactName, type HookEvent, messageStream, operationStream } from "../../hooks/event.ts";
import type {
  Connect,
  ConnectionInfo,
  Disconnect,
  Headers,
  HeaderValue,
  KafkaMessage,
  MessageChanges,
  Operation,
  Outgoing,
  Target,
} from "../../hooks/plugin.ts";
import { groupsOf, partitionsOf, topicsOf } from "./facts.ts";
import type { AnyTable } from "../wire/api.ts";
import type { KafkaRecord, RecordDraft } from "../wire/records.ts";
import type { Place } from "./endpoint.ts";

/** A request, or the response to one, as hooks see it. */
export class OperationEvent implements HookEvent, Operation {
  readonly protocol = "kafka";
  /** Fields that `replace` gave. */
  changed = false;

  constructor(
    readonly connection: ConnectionInfo,
    private readonly api: AnyTable,
    readonly version: number,
    public body: any,
    private readonly topicsById: ReadonlyMap<string, { readonly name: string }>,
    /** For a response: the body of its request. */
    readonly request?: any,
  ) {}

  get operation(): string {
    return this.api.name;
  }
  get name(): string {
    return this.api.name;
  }
  get stream(): string {
    return operationStream(this.connection, this.api.name);
  }

  fact(name: FactName): Fact {
    const asked = this.request ?? this.body;
    switch (name) {
      case "topic":
        return topicsOf(asked, this.topicsById);
      case "partition":
        return partitionsOf(asked);
      case "group":
        return groupsOf(asked);
      default:
        return undefined;
    }
  }

  change(changes: object): void {
    for (const field of Object.keys(changes)) {
      if (!(field in this.api[this.request === undefined ? "request" : "response"].fields)) {
        throw new TypeError(`${this.api.name} has no field ${field}`);
      }
    }
    this.body = { ...this.body, ...changes };
    this.changed = true;
  }
}

/** A client that came or went. */
export class ConnectionEvent implements HookEvent, Connect {
  readonly protocol = "kafka";
  readonly name = "";

  constructor(
    readonly connection: ConnectionInfo,
    private readonly point: "connect" | "disconnect",
    readonly reason?: Disconnect["reason"],
  ) {}

  get stream(): string {
    return operationStream(this.connection, this.point);
  }
  fact(): Fact {
    return undefined;
  }
  change(): void {
    throw new TypeError("a connection has nothing to replace");
  }
}

/** One record on its way in, or on its way to one consumer. */
export class RecordEvent implements HookEvent, KafkaMessage {
  readonly protocol = "kafka";
  keyBytes: Buffer | null;
  timestamp: number;
  hasValue: boolean;
  payload: Buffer;
  /** Something differs from the record it began as. */
  changed = false;
  /** The checksum of its batch is to be wrong. */
  brokenCrc = false;
  private ownHeaders: Headers | null = null;

  /** @param consumer client id for a delivery; null for a message, whose offset is not known yet */
  constructor(
    readonly connection: ConnectionInfo | null,
    private readonly place: Place,
    private readonly record: KafkaRecord,
    private readonly consumer: string | null,
  ) {
    this.keyBytes = record.key;
    this.timestamp = record.timestamp;
    this.hasValue = record.value !== null;
    this.payload = record.value ?? NOTHING;
  }

  get name(): string {
    return this.place.topic.name;
  }
  get topic(): string {
    return this.place.topic.name;
  }
  get destination(): string {
    return this.place.topic.name;
  }
  get partition(): number {
    return this.place.index;
  }
  get offset(): number {
    return this.consumer === null ? -1 : this.record.offset;
  }
  get key(): string | null {
    return this.keyBytes?.toString() ?? null;
  }
  get stream(): string {
    // By the key it came with: an earlier hook that changes it changes no draws.
    const key = this.record.key?.toString() ?? null;
    if (this.consumer === null) return messageStream("kafka", this.place.name, key);
    return deliveryStream("kafka", this.place.name, key, this.consumer);
  }
  /** Values as text where they are UTF-8, else as bytes; of several with one name the last. */
  get headers(): Headers {
    if (this.ownHeaders !== null) return this.ownHeaders;
    return Object.fromEntries(this.record.headers.map(({ key, value }) => [key, value === null ? null : textOrBytes(value)]));
  }

  text(): string {
    return this.payload.toString();
  }
  json(): any {
    try {
      return JSON.parse(this.payload.toString());
    } catch {
      return undefined;
    }
  }

  fact(name: FactName): Fact {
    switch (name) {
      case "topic":
        return this.topic;
      case "partition":
        return this.partition;
      case "key":
        return this.key;
      default:
        return undefined;
    }
  }

  change(changes: MessageChanges): void {
    const { payload, key, headers, timestamp, crc, ...rest } = changes;
    const [stranger] = Object.keys(rest);
    if (stranger !== undefined) throw new TypeError(`a Kafka record has no ${stranger}: it has payload, key, headers, timestamp and crc`);
    if (timestamp !== undefined && !Number.isSafeInteger(timestamp))
      throw new TypeError(`timestamp is in whole milliseconds, not ${timestamp}`);
    if (payload !== undefined) {
      this.hasValue = payload !== null;
      this.payload = toBytes(payload) ?? NOTHING;
    }
    if (key !== undefined) this.keyBytes = toBytes(key);
    if (headers !== undefined) {
      Object.values(headers).forEach(headerBytes);
      this.ownHeaders = headers;
    }
    if (timestamp !== undefined) this.timestamp = timestamp;
    if (crc !== undefined && crc !== "wrong") throw new TypeError('crc can only be "wrong"');
    this.brokenCrc ||= crc === "wrong";
    this.changed ||= [payload, key, headers, timestamp].some((change) => change !== undefined);
  }

  /** The record as it now is, at the offset it has. */
  draft(): RecordDraft {
    if (!this.changed) return this.record;
    const headers = this.ownHeaders === null ? this.record.headers : headersOf(this.ownHeaders);
    const value = this.hasValue ? this.payload : null;
    return { offset: this.record.offset, timestamp: this.timestamp, key: this.keyBytes, value, headers };
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

function toBytes(value: Uint8Array | string | null): Buffer | null {
  if (value === null) return null;
  if (typeof value === "string") return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length);
  throw new TypeError(`text or bytes are wanted, not ${typeof value}`);
}

function textOrBytes(bytes: Buffer): string | Buffer {
  const text = bytes.toString();
  return text.includes("\ufffd") ? bytes : text;
}

/** Kafka's header values are bytes: what is not text already is written as text, structures as JSON. */
function headerBytes(value: HeaderValue): Buffer | null {
  if (value === null || value instanceof Uint8Array || typeof value === "string") return toBytes(value);
  if (value === undefined) throw new TypeError("a header has no value");
  return Buffer.from(typeof value === "object" ? JSON.stringify(value) : String(value));
}

export function headersOf(headers: Readonly<Record<string, HeaderValue>>): { key: string; value: Buffer | null }[] {
  return Object.entries(headers).map(([key, value]) => ({ key, value: headerBytes(value) }));
}

/** Text as UTF-8, structures as JSON. */
export function bytesOf(value: Uint8Array | string | object | null): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}

/** A record that goes somewhere else. */
export function outgoing(event: RecordEvent, to: Target): Outgoing {
  return { ...to, payload: event.hasValue ? event.payload : null, key: event.keyBytes, headers: { ...event.headers } };
}
