import { Reader } from "../../bytes/reader.ts";
import { EMPTY, Writer } from "../../bytes/writer.ts";
import type { HeaderValue, MessageChanges } from "../../hooks/plugin.ts";
import { readProperties, writePropertyList, writeVar, type Properties } from "./properties.ts";
import { DUP, PUBLISH, type PublishView, writePublish, type QoS } from "./publish.ts";
import { MqttError } from "./reasons.ts";
import { isTopicName } from "./text.ts";

/** What a message is made of; everything is owned, nothing pins a chunk. */
export interface MessageParts {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  properties?: Properties;
  /** Client id of the sender. */
  publisher?: string | null;
}

/** A message that the broker keeps: retained, queued, in flight, or on its way through hooks. Never changes. */
export class Message {
  readonly topic: string;
  readonly topicBytes: Buffer;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** 5.0 properties as bytes, without those that belong to one hop: topic alias, subscription identifiers, expiry. */
  readonly props: Buffer;
  /** Milliseconds of the clock from which on it is not delivered any more. */
  readonly expiresAt: number;
  /** Client id of the sender, for No Local; null when the broker or a plugin made it. */
  readonly publisher: string | null;

  constructor(
    /** When it came, in milliseconds of the clock. */ readonly at: number,
    { topic, payload, qos, retain, properties, publisher = null }: MessageParts,
    topicBytes: Buffer = Buffer.from(topic),
  ) {
    this.topic = topic;
    this.topicBytes = topicBytes;
    this.payload = payload;
    this.qos = qos;
    this.retain = retain;
    this.publisher = publisher;
    const { messageExpiryInterval, ...rest } = properties ?? NONE;
    this.expiresAt = messageExpiryInterval === undefined ? Infinity : at + messageExpiryInterval * 1000;
    this.props = properties === undefined ? EMPTY : listed(rest);
  }

  /** One that was here before, with its properties as they are on the wire. */
  static restored(at: number, parts: MessageParts, props: Buffer, expiresAt: number): Message {
    return Object.assign(new Message(at, parts), { props, expiresAt });
  }

  /** The properties by name, `messageExpiryInterval` as what is left of it. */
  properties(now: number): Properties {
    const properties = this.props.length === 0 ? {} : (readList(this.props) ?? {});
    if (this.expiresAt !== Infinity) properties.messageExpiryInterval = this.secondsLeft(now);
    return properties;
  }

  /** [MQTT-3.3.2-6]: what the expiry was, less the time spent here. */
  secondsLeft(now: number): number {
    return Math.max(0, Math.ceil((this.expiresAt - now) / 1000));
  }

  /** Bytes it holds, with an allowance for the objects around them. */
  get size(): number {
    return 160 + this.topicBytes.length + this.props.length + this.payload.length;
  }

  /** The same message with other contents; throws where a change does not fit. */
  with(now: number, changes: MessageChanges): Message {
    const { payload, headers, topic = this.topic, qos = this.qos, retain = this.retain, properties, ...others } = changes;
    for (const name of Object.keys(others)) throw new TypeError(`an MQTT message has no ${name}`);
    const merged: Properties = { ...this.properties(now), ...(properties as Properties) };
    if (headers !== undefined) merged.userProperties = pairs(headers);
    return makeMessage(now, {
      topic,
      qos,
      retain,
      publisher: this.publisher,
      properties: merged,
      payload: payload === undefined ? this.payload : bytesOf(payload),
    });
  }
}
const NONE: Properties = {};

/** A message that a plugin, a fixture or the admin API describes; throws for what no client could send. */
export function makeMessage(now: number, parts: MessageParts): Message {
  if (typeof parts.topic !== "string" || !isTopicName(parts.topic))
    throw new TypeError(`${JSON.stringify(parts.topic)} is no MQTT topic name`);
  if (Buffer.byteLength(parts.topic) > 0xffff) throw new TypeError("an MQTT topic name has at most 65,535 bytes");
  if (![0, 1, 2].includes(parts.qos)) throw new TypeError(`QoS ${parts.qos}: 0, 1 or 2`);
  const message = new Message(now, parts);
  try {
    if (message.props.length > 0) readList(message.props);
  } catch (error) {
    throw new TypeError(`properties: ${String(error)}`);
  }
  return message;
}

/** Payload as bytes: text as UTF-8, objects as JSON, null as nothing. */
export function bytesOf(payload: Uint8Array | string | object | null | undefined): Buffer {
  if (payload === null || payload === undefined) return EMPTY;
  if (typeof payload === "string") return Buffer.from(payload);
  if (payload instanceof Uint8Array) return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return Buffer.from(JSON.stringify(payload));
}

/** Headers as user properties; a list becomes one pair for each of its values. */
export function pairs(headers: Record<string, HeaderValue>): [string, string][] {
  const textOf = (value: HeaderValue): string =>
    value === null
      ? ""
      : value instanceof Uint8Array
        ? Buffer.from(value).toString()
        : typeof value === "object"
          ? JSON.stringify(value)
          : String(value);
  return Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    Array.isArray(value) ? value.map((one) => [name, textOf(one)]) : [[name, textOf(value)]],
  );
}

const scratch = new Writer(256);

function listed(properties: Properties): Buffer {
  scratch.pos = 0;
  writePropertyList(scratch, properties);
  return scratch.pos === 0 ? EMPTY : scratch.toBuffer();
}

function readList(props: Buffer): Properties | undefined {
  scratch.pos = 0;
  writeVar(scratch, props.length);
  scratch.bytes(props);
  return readProperties(new Reader(scratch.buf, 0, scratch.pos), "PUBLISH");
}

/** The properties of a PUBLISH from a client, checked; undefined when it has none. */
export function inboundProperties(view: PublishView): Properties | undefined {
  const properties = readProperties(new Reader(view.buf, view.sectionStart, view.propsEnd), "PUBLISH");
  // [MQTT-3.3.4-6]
  if (properties?.subscriptionIdentifier !== undefined)
    throw new MqttError("Protocol Error", "PUBLISH: subscriptionIdentifier from a client");
  // [MQTT-3.3.2-14]
  if (properties?.responseTopic !== undefined && !isTopicName(properties.responseTopic)) {
    throw new MqttError("Protocol Error", `PUBLISH: response topic ${JSON.stringify(properties.responseTopic)}`);
  }
  return properties;
}

/** One copy of a message on its way to one client. */
export interface Copy {
  message: Message;
  qos: QoS;
  retain: boolean;
  /** Subscription identifiers; null: none. */
  ids: readonly number[] | null;
  /** Packet identifier; 0 in QoS 0 and while it waits to be sent. */
  id: number;
}

/** What a copy's form depends on besides the copy itself. */
export interface Sending {
  five: boolean;
  dup: boolean;
  /** Topic alias; 0: none. */
  alias: number;
  /** The alias is known to the receiver: the topic is left out. */
  aliased: boolean;
}

const extras = new Writer(256);

/** Writes one copy of a message. */
export function writeCopy(w: Writer, { message, qos, retain, ids, id }: Copy, { five, dup, alias, aliased }: Sending, now: number): void {
  let properties: Buffer | null = five ? message.props : null;
  if (five && (ids !== null || alias > 0 || message.expiresAt !== Infinity)) {
    extras.pos = 0;
    if (alias > 0) {
      extras.u8(0x23);
      extras.u16(alias);
    }
    if (message.expiresAt !== Infinity) {
      extras.u8(0x02);
      extras.u32(message.secondsLeft(now));
    }
    if (ids !== null) {
      for (const identifier of ids) {
        extras.u8(0x0b);
        writeVar(extras, identifier);
      }
    }
    extras.bytes(message.props);
    properties = extras.buf.subarray(0, extras.pos);
  }
  const head = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? 1 : 0);
  writePublish(w, { head, topic: aliased ? EMPTY : message.topicBytes, id, properties, payload: message.payload });
}

/** Bytes that a copy takes at most. */
export function copySize({ message, qos, ids }: Copy, five: boolean): number {
  const extra = five ? 4 + message.props.length + (message.expiresAt === Infinity ? 0 : 5) + (ids === null ? 0 : 5 * ids.length) : 0;
  return 5 + 2 + message.topicBytes.length + (qos > 0 ? 2 : 0) + extra + message.payload.length;
}

interface Form {
  bytes: Writer;
  /** How far behind the start the packet identifier stands. */
  idAt: number;
  /** The message it was encoded for. */
  of: Message | null;
}
/** Above this size a copy in between costs more than it saves: the payload is sent from where it lies. */
const FORM_MOST = 8 * 1024;

/**
 * Encodes a message once for each form it goes out in (version, QoS, retain flag) and stamps copies
 * with their packet identifiers. For copies without properties of their own.
 */
export class Fanout {
  private readonly forms: Form[] = Array.from({ length: 16 }, () => ({ bytes: new Writer(256), idAt: 0, of: null }));

  write(w: Writer, message: Message, five: boolean, qos: QoS, retain: boolean, id: number): void {
    const head = PUBLISH | (qos << 1) | (retain ? 1 : 0);
    const properties = five ? message.props : null;
    const { topicBytes: topic, payload } = message;
    if (payload.length + topic.length + message.props.length > FORM_MOST) {
      writePublish(w, { head, topic, id, properties, payload });
      return;
    }
    const form = this.forms[(five ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)]!;
    if (form.of !== message) {
      form.of = message;
      form.bytes.pos = 0;
      form.idAt = writePublish(form.bytes, { head, topic, id, properties, payload });
    }
    const { buf, pos } = form.bytes;
    const at = w.claim(pos);
    buf.copy(w.buf, at, 0, pos);
    if (form.idAt > 0) {
      w.buf[at + form.idAt] = id >>> 8;
      w.buf[at + form.idAt + 1] = id;
    }
  }
}
