import type { FrameLength } from "../bytes/framer.ts";
import { DecodeError, Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { AckView, encodeAck, type Ack } from "./acks.ts";
import { readConnect, writeConnect, type Connect } from "./connect.ts";
import { readProperties, readText, writeProperties, writePropertyList, writeText, writeVar, type Properties } from "./properties.ts";
import { DUP, PUBLISH, PublishView, RETAIN, writePublish, type QoS, type Version } from "./publish.ts";
import { MqttError, PACKET_TYPES, reasonName, type PacketType } from "./reasons.ts";

export type { Ack, Connect, Properties, QoS, Version };

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
export type Packet =
  | Connect | Connack | Publish | Ack | Subscribe | Suback | Unsubscribe | Unsuback | Ping | Disconnect;

/** First byte of each packet type but PUBLISH; 3.1.1 fixed the flags (table 2.2), 3.1 allowed others. */
export function firstByte(type: PacketType): number {
  return (PACKET_TYPES.indexOf(type) << 4) | (type === "PUBREL" || type === "SUBSCRIBE" || type === "UNSUBSCRIBE" ? 2 : 0);
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
  let body = start + 1;
  while (buf[body++]! >= 0x80);
  const r = new Reader(buf, body, end);
  try {
    if (type !== "PUBLISH" && head !== firstByte(type) && !(version === 3 && (firstByte(type) & 2) !== 0)) {
      throw new MqttError("Malformed Packet", `reserved flags ${head & 15}`); // [MQTT-2.1.3-1]
    }
    const packet = read(type, r, version, buf, start, end);
    if (r.remaining > 0) throw new MqttError("Malformed Packet", `${r.remaining} bytes too many`);
    return packet;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const known = error instanceof MqttError ? error : new MqttError("Malformed Packet", error.message);
    throw known.at(type);
  }
}

function read(type: PacketType, r: Reader, version: Version, buf: Buffer, start: number, end: number): Packet {
  const section = (from = r) => withProperties(version === 5 ? readProperties(from, type) : undefined);
  switch (type) {
    case "CONNECT":
      return readConnect(r);
    case "CONNACK": {
      const flags = r.u8();
      if (flags > 1) throw new MqttError("Malformed Packet", `acknowledge flags ${flags}`);
      return { type, sessionPresent: flags === 1, code: r.u8(), ...section() };
    }
    case "PUBLISH": {
      const view = new PublishView();
      view.read(buf, start, end, version);
      const properties = section(new Reader(buf, view.sectionStart, view.propsEnd));
      r.skip(r.remaining);
      const topic = readText(new Reader(buf, view.topicStart - 2, view.topicEnd));
      const payload = buf.subarray(view.payloadStart, end) as Buffer;
      return { type, topic, payload, qos: view.qos, retain: view.retain, dup: view.dup, id: view.id, ...properties };
    }
    case "PUBACK":
    case "PUBREC":
    case "PUBREL":
    case "PUBCOMP": {
      const view = new AckView();
      view.read(buf, start, end, version);
      r.skip(r.remaining);
      return { type, id: view.id, code: view.code, ...withProperties(view.properties) };
    }
    case "SUBSCRIBE": {
      const id = identifier(r);
      const properties = section();
      const subscriptions: Subscription[] = [];
      while (r.remaining > 0) subscriptions.push(readSubscription(r, version));
      if (subscriptions.length === 0) throw new MqttError("Protocol Error", "no topic filter"); // [MQTT-3.8.3-2]
      return { type, id, subscriptions, ...properties };
    }
    case "UNSUBSCRIBE": {
      const id = identifier(r);
      const properties = section();
      const filters: string[] = [];
      while (r.remaining > 0) filters.push(readText(r));
      if (filters.length === 0) throw new MqttError("Protocol Error", "no topic filter"); // [MQTT-3.10.3-2]
      return { type, id, filters, ...properties };
    }
    case "SUBACK":
    case "UNSUBACK": {
      const id = identifier(r);
      const properties = section();
      return { type, id, codes: [...r.view(r.remaining)], ...properties };
    }
    case "PINGREQ":
    case "PINGRESP":
      return { type };
    case "DISCONNECT":
    case "AUTH": {
      if (version < 5) {
        if (type === "AUTH") throw new MqttError("Malformed Packet", "comes with 5.0");
        return { type, code: 0 };
      }
      // A reason code may be left out when it is 0, and the properties when there are none (3.14.2.1).
      const code = r.remaining > 0 ? r.u8() : 0;
      if (reasonName(type, code) === undefined) throw new MqttError("Protocol Error", `reason code ${code}`);
      return { type, code, ...(r.remaining > 0 ? section() : {}) };
    }
    case "RESERVED":
      throw new MqttError("Protocol Error", "packet type 0");
  }
}

function withProperties(properties: Properties | undefined): { properties?: Properties } {
  return properties === undefined ? {} : { properties };
}

function identifier(r: Reader): number {
  const id = r.u16();
  if (id === 0) throw new MqttError("Malformed Packet", "packet identifier 0"); // [MQTT-2.2.1-3]
  return id;
}

function readSubscription(r: Reader, version: Version): Subscription {
  const filter = readText(r);
  const options = r.u8();
  const qos = options & 3, retainHandling = (options >> 4) & 3;
  // [MQTT-3.8.3-4], [MQTT-3.8.3-5]
  if (qos === 3 || retainHandling === 3 || (options & (version === 5 ? 0xc0 : 0xfc)) !== 0) {
    throw new MqttError("Malformed Packet", `subscription options 0x${options.toString(16)}`);
  }
  return {
    filter,
    qos: qos as QoS,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}

/** Bodies are written here first, because the length stands before them; packets other than PUBLISH are small. */
let body = new Writer(1024);

/** Writes a packet as given: nothing is judged. */
export function encode(w: Writer, packet: Packet, version: Version): void {
  switch (packet.type) {
    case "PUBACK":
    case "PUBREC":
    case "PUBREL":
    case "PUBCOMP":
      return encodeAck(w, packet, version);
    case "PUBLISH": {
      const { qos, retain, dup, id, payload } = packet;
      body.pos = 0;
      if (packet.properties !== undefined) writePropertyList(body, packet.properties);
      const properties = version === 5 ? body.buf.subarray(0, body.pos) : null;
      const head = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0);
      writePublish(w, { head, topic: Buffer.from(packet.topic), id, properties, payload });
      break;
    }
    default:
      body.pos = 0;
      writeBody(body, packet, version);
      w.u8(firstByte(packet.type));
      writeVar(w, body.pos);
      w.bytes(body.buf.subarray(0, body.pos));
  }
  if (body.buf.length > 64 * 1024) body = new Writer(1024);
}

function writeBody(w: Writer, packet: Exclude<Packet, Publish | Ack>, version: Version): void {
  const section = (properties: Properties | undefined) => version === 5 && writeProperties(w, properties);
  switch (packet.type) {
    case "CONNECT":
      return writeConnect(w, packet);
    case "CONNACK":
      w.u8(packet.sessionPresent ? 1 : 0);
      w.u8(packet.code);
      section(packet.properties);
      return;
    case "SUBSCRIBE":
      w.u16(packet.id);
      section(packet.properties);
      for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of packet.subscriptions) {
        writeText(w, filter);
        w.u8(qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4));
      }
      return;
    case "UNSUBSCRIBE":
      w.u16(packet.id);
      section(packet.properties);
      for (const filter of packet.filters) writeText(w, filter);
      return;
    case "SUBACK":
    case "UNSUBACK":
      w.u16(packet.id);
      section(packet.properties);
      if (packet.type === "SUBACK" || version === 5) w.bytes(Buffer.from(packet.codes));
      return;
    case "DISCONNECT":
    case "AUTH":
      if (version < 5 || (packet.code === 0 && packet.properties === undefined)) return;
      w.u8(packet.code);
      if (packet.properties !== undefined || packet.type === "AUTH") section(packet.properties);
      return;
    case "PINGREQ":
    case "PINGRESP":
      return;
  }
}
