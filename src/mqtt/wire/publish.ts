import { EMPTY, type Writer } from "../../bytes/writer.ts";
import { varSize, writeVar } from "./properties.ts";
import { MqttError } from "./reasons.ts";

export type QoS = 0 | 1 | 2;
/** Protocol level: 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0. */
export type Version = 3 | 4 | 5;

/** Bits of the first byte of a PUBLISH. */
export const RETAIN = 0x01,
  DUP = 0x08;
export const PUBLISH = 0x30;

/**
 * Where the parts of one PUBLISH lie in its frame. One such view is kept and filled again for every
 * packet, so the hot path allocates nothing; it holds no bytes of its own.
 *
 *     30|flags  remaining length  topic length, topic  [id if QoS > 0]  [5.0: length, properties]  payload
 */
export class PublishView {
  buf: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** The whole first byte. */
  head = 0;
  qos: QoS = 0;
  /** Packet identifier; 0 in QoS 0. */
  id = 0;
  topicStart = 0;
  topicEnd = 0;
  /** Where the properties begin, their length included; `propsStart` before 5.0. */
  sectionStart = 0;
  /** Properties without their length; empty before 5.0. */
  propsStart = 0;
  propsEnd = 0;
  /** The payload runs to `end`. */
  payloadStart = 0;

  get retain(): boolean {
    return (this.head & RETAIN) !== 0;
  }
  get dup(): boolean {
    return (this.head & DUP) !== 0;
  }

  /**
   * Takes one whole frame apart. The layout is checked, what the topic and properties say is not.
   * Throws "Malformed Packet".
   */
  read(buf: Buffer, start: number, end: number, version: Version): void {
    const head = buf[start]!;
    const qos = (head >> 1) & 3;
    if (qos === 3) throw new MqttError("Malformed Packet", "PUBLISH: QoS 3"); // [MQTT-3.3.1-4]
    if (qos === 0 && (head & DUP) !== 0 && version > 3) throw new MqttError("Malformed Packet", "PUBLISH: DUP in QoS 0"); // [MQTT-3.3.1-2]
    let pos = start + 1;
    while (buf[pos++]! >= 0x80);
    if (pos + 2 > end) throw short("topic");
    const topicEnd = pos + 2 + ((buf[pos]! << 8) | buf[pos + 1]!);
    if (topicEnd > end) throw short("topic");
    this.topicStart = pos + 2;
    this.topicEnd = pos = topicEnd;
    this.id = 0;
    if (qos > 0) {
      if (pos + 2 > end) throw short("packet identifier");
      this.id = (buf[pos]! << 8) | buf[pos + 1]!;
      pos += 2;
      if (this.id === 0) throw new MqttError("Protocol Error", "PUBLISH: packet identifier 0"); // [MQTT-2.2.1-3]
    }
    this.sectionStart = this.propsStart = this.propsEnd = pos;
    if (version === 5) {
      let size = 0,
        shift = 0,
        byte = 0;
      do {
        if (pos >= end) throw short("properties");
        if (shift === 28) throw new MqttError("Malformed Packet", "PUBLISH: property length longer than four bytes");
        byte = buf[pos++]!;
        size |= (byte & 0x7f) << shift;
        shift += 7;
      } while (byte >= 0x80);
      if (size > end - pos) throw short("properties");
      this.propsStart = pos;
      this.propsEnd = pos += size;
    }
    this.payloadStart = pos;
    this.buf = buf;
    this.start = start;
    this.end = end;
    this.head = head;
    this.qos = qos as QoS;
  }
}

function short(what: string): MqttError {
  return new MqttError("Malformed Packet", `PUBLISH: short ${what}`);
}

/** Parts of a PUBLISH to write; nothing in it is judged, so faults can write what no client should. */
export interface PublishParts {
  /** Whole first byte, `PUBLISH | dup | qos << 1 | retain`; the QoS bits decide whether an id is written. */
  head: number;
  topic: Uint8Array;
  id: number;
  /** Properties without their length; null leaves the section out (3.x). */
  properties: Uint8Array | null;
  payload: Uint8Array;
}

/** Writes one PUBLISH and returns how far behind its start the packet identifier stands (0: it has none). */
export function writePublish(w: Writer, { head, topic, id, properties, payload }: PublishParts): number {
  const hasId = (head & 0x06) !== 0;
  const section = properties === null ? 0 : varSize(properties.length) + properties.length;
  const size = 2 + topic.length + (hasId ? 2 : 0) + section + payload.length;
  w.u8(head);
  writeVar(w, size);
  w.u16(topic.length);
  w.bytes(topic);
  if (hasId) w.u16(id);
  if (properties !== null) {
    writeVar(w, properties.length);
    w.bytes(properties);
  }
  w.view(payload);
  return hasId ? 1 + varSize(size) + 2 + topic.length : 0;
}
