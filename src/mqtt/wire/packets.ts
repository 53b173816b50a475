import type { FrameLength } from "../../bytes/framer.ts";
import { DecodeError, Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { AckView, encodeAck, type Ack } from "./acks.ts";
import { readControl, writeControl } from "./control.ts";
import { readProperties, readText, writePropertyList, type Properties } from "./properties.ts";
import { DUP, PUBLISH, PublishView, RETAIN, writePublish, type QoS, type Version } from "./publish.ts";
import { MqttError, PACKET_TYPES, type PacketType } from "./reasons.ts";
import { inspect } from "./strict.ts";

export type { Ack, Properties, QoS, Version };

/** What is published for a client that goes without a word. */
export interface Will {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  properties?: Properties;
}
export interface Connect {
  type: "CONNECT";
  version: Version;
  /** Clean Session before 5.0. */
  cleanStart: boolean;
  /** Seconds; 0 turns it off. */
  keepAlive: number;
  clientId: string;
  will?: Will;
  username?: string;
  password?: Buffer;
  properties?: Properties;
}
export interface Connack {
  type: "CONNACK";
  sessionPresent: boolean;
  /** Reason code in 5.0, return code before. */
  code: number;
  properties?: Properties;
}
/** A PUBLISH as an object: for clients, hooks and tests; the broker's own path is `PublishView`. */
export interface Publish {
  type: "PUBLISH";
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  dup: boolean;
  /** Packet identifier, 0 in QoS 0. */
  id: number;
  properties?: Properties;
}
export interface Subscription {
  filter: string;
  qos: QoS;
  noLocal: boolean;
  retainAsPublished: boolean;
  /** 0 send retained messages, 1 only if the subscription is new, 2 send none. */
  retainHandling: 0 | 1 | 2;
}
export interface Subscribe {
  type: "SUBSCRIBE";
  id: number;
  subscriptions: Subscription[];
  properties?: Properties;
}
export interface Suback {
  type: "SUBACK";
  id: number;
  /** A reason code (5.0) or return code (3.x: 0, 1, 2 or 0x80) for each subscription. */
  codes: number[];
  properties?: Properties;
}
export interface Unsubscribe {
  type: "UNSUBSCRIBE";
  id: number;
  filters: string[];
  properties?: Properties;
}
export interface Unsuback {
  type: "UNSUBACK";
  id: number;
  /** Empty before 5.0. */
  codes: number[];
  properties?: Properties;
}
export interface Ping {
  type: "PINGREQ" | "PINGRESP";
}
export interface Disconnect {
  type: "DISCONNECT" | "AUTH";
  /** Reason code; 0 before 5.0. */
  code: number;
  properties?: Properties;
}
/** Every packet but PUBLISH and its acknowledgements. */
export type Control = Connect | Connack | Subscribe | Suback | Unsubscribe | Unsuback | Ping | Disconnect;
export type Packet = Control | Publish | Ack;

/** First byte of a control packet: 3.1.1 fixed the flags (table 2.2), 3.1 allowed others. */
function firstByte(type: PacketType): number {
  return (PACKET_TYPES.indexOf(type) << 4) | (type === "SUBSCRIBE" || type === "UNSUBSCRIBE" ? 2 : 0);
}

/**
 * Whole size of the packet at `pos`. Throws "Malformed Packet" for a remaining length of more than
 * four bytes and "Packet too large" above `most`, before anything is kept for it.
 */
export function frameLength(most: number): FrameLength {
  return (buf, pos, end) => {
    let size = 0;
    for (let i = 1; i <= 4; i++) {
      if (pos + i >= end) return 0;
      const byte = buf[pos + i]!;
      size |= (byte & 0x7f) << (7 * (i - 1));
      if (byte < 0x80) {
        size += i + 1;
        if (size > most) throw new MqttError("Packet too large", `packet of ${size} bytes, at most ${most} are taken`);
        return size;
      }
    }
    throw new MqttError("Malformed Packet", "remaining length longer than four bytes"); // [MQTT-1.5.5-1]
  };
}

/**
 * Reads the packet in `buf[start, end)`, a whole frame. Whatever it keeps is a copy, except a PUBLISH's
 * payload, which is a view. Throws `MqttError` with the reason to answer with; `CONNECT` needs no version.
 */
export function decode(buf: Buffer, start: number, end: number, version: Version): Packet {
  const head = buf[start]!;
  const type = PACKET_TYPES[head >> 4]!;
  try {
    switch (type) {
      case "PUBLISH":
        return readPublish(buf, start, end, version);
      case "PUBACK":
      case "PUBREC":
      case "PUBREL":
      case "PUBCOMP":
        return readAck(type, buf, start, end, version);
      case "RESERVED":
        throw new MqttError("Protocol Error", "packet type 0");
    }
    // [MQTT-2.1.3-1]; 3.1 gives a meaning to DUP and QoS in packets that now have them reserved.
    if (head !== firstByte(type) && !(version === 3 && (firstByte(type) & 2) !== 0))
      throw new MqttError("Malformed Packet", `reserved flags ${head & 15}`);
    let body = start + 1;
    while (buf[body++]! >= 0x80);
    const r = new Reader(buf, body, end);
    const sections = inspect(type, r, version);
    if (r.remaining > 0) throw new MqttError("Malformed Packet", `${r.remaining} bytes too many`);
    return readControl(type, plain(type, buf.subarray(start, end) as Buffer), version, sections);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const known = error instanceof MqttError ? error : new MqttError("Malformed Packet", error.message);
    throw known.at(type);
  }
}

/** The frame as mqtt-packet wants it: it knows neither the flags of 3.1 nor an AUTH without a reason code. */
function plain(type: PacketType, frame: Buffer): Buffer {
  if (type === "AUTH" && frame[1] === 0) return Buffer.from([frame[0]!, 2, 0, 0]);
  if (frame[0] === firstByte(type)) return frame;
  const copy = Buffer.from(frame);
  copy[0] = firstByte(type);
  return copy;
}

function readPublish(buf: Buffer, start: number, end: number, version: Version): Publish {
  const view = new PublishView();
  view.read(buf, start, end, version);
  const properties = version === 5 ? readProperties(new Reader(buf, view.sectionStart, view.propsEnd), "PUBLISH") : undefined;
  const topic = readText(new Reader(buf, view.topicStart - 2, view.topicEnd));
  const payload = buf.subarray(view.payloadStart, end) as Buffer;
  const { qos, retain, dup, id } = view;
  return { type: "PUBLISH", topic, payload, qos, retain, dup, id, ...(properties && { properties }) };
}

function readAck(type: Ack["type"], buf: Buffer, start: number, end: number, version: Version): Ack {
  const view = new AckView();
  view.read(buf, start, end, version);
  return { type, id: view.id, code: view.code, ...(view.properties && { properties: view.properties }) };
}

const scratch = new Writer(256);

/** Writes a packet. Throws for a control packet that mqtt-packet refuses to write; the others go out as given. */
export function encode(w: Writer, packet: Packet, version: Version): void {
  switch (packet.type) {
    case "PUBACK":
    case "PUBREC":
    case "PUBREL":
    case "PUBCOMP":
      return encodeAck(w, packet, version);
    case "PUBLISH": {
      const { qos, retain, dup, id, payload } = packet;
      scratch.pos = 0;
      if (packet.properties !== undefined) writePropertyList(scratch, packet.properties);
      const properties = version === 5 ? scratch.buf.subarray(0, scratch.pos) : null;
      const head = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0);
      writePublish(w, { head, topic: Buffer.from(packet.topic), id, properties, payload });
      return;
    }
    default:
      w.bytes(writeControl(packet, version));
  }
}

/** A packet as bytes of its own. */
export function encodeOwn(packet: Packet, version: Version): Buffer {
  const w = new Writer();
  encode(w, packet, version);
  return w.toBuffer();
}
