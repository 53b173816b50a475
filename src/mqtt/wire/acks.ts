import { Reader } from "../../bytes/reader.ts";
import type { Writer } from "../../bytes/writer.ts";
import { propertiesSize, readProperties, varSize, writeProperties, writeVar, type Properties } from "./properties.ts";
import type { Version } from "./publish.ts";
import { MqttError, PACKET_TYPES, reasonName } from "./reasons.ts";

/** First bytes of the acknowledgements; PUBREL's reserved flags are 0010 [MQTT-3.6.1-1]. */
export const PUBACK = 0x40,
  PUBREC = 0x50,
  PUBREL = 0x62,
  PUBCOMP = 0x70;

/** One acknowledgement of any of the four types. */
export interface Ack {
  type: "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP";
  /** Packet identifier. */
  id: number;
  /** Reason code; 0 before 5.0. */
  code: number;
  properties?: Properties;
}

/** Where the last acknowledgement read is kept: the hot path allocates none. */
export class AckView {
  id = 0;
  code = 0;
  /** Undefined in all packets but those that carry some. */
  properties: Properties | undefined = undefined;

  /** Reads one whole frame. Throws for flags, a layout or a reason code that the type may not have. */
  read(buf: Buffer, start: number, end: number, version: Version): void {
    const head = buf[start]!;
    let pos = start + 1;
    while (buf[pos++]! >= 0x80);
    const type = PACKET_TYPES[head >> 4]!;
    // [MQTT-2.1.3-1]; 3.1 gives PUBREL a DUP and a QoS.
    if ((head & 0x0f) !== (type === "PUBREL" ? 2 : 0) && !(version === 3 && type === "PUBREL")) {
      throw new MqttError("Malformed Packet", `${type}: reserved flags ${head & 15}`);
    }
    if (end - pos < 2) throw new MqttError("Malformed Packet", `${type}: short packet identifier`);
    this.id = (buf[pos]! << 8) | buf[pos + 1]!;
    this.code = 0;
    this.properties = undefined;
    pos += 2;
    if (this.id === 0) throw new MqttError("Malformed Packet", `${type}: packet identifier 0`);
    if (pos === end) return;
    if (version < 5) throw new MqttError("Malformed Packet", `${type}: ${end - pos} bytes too many`);
    this.code = buf[pos++]!;
    if (reasonName(type, this.code) === undefined) {
      throw new MqttError("Protocol Error", `${type}: reason code 0x${this.code.toString(16).padStart(2, "0")}`);
    }
    if (pos === end) return;
    const r = new Reader(buf, pos, end);
    this.properties = readProperties(r, type);
    if (r.remaining > 0) throw new MqttError("Malformed Packet", `${type}: ${r.remaining} bytes too many`);
  }
}

/** Writes an acknowledgement without properties; `code` is left out where it is success or the version has none. */
export function writeAck(w: Writer, head: number, id: number, code: number, version: Version): void {
  const long = version === 5 && code !== 0;
  const at = w.claim(long ? 5 : 4),
    b = w.buf;
  b[at] = head;
  b[at + 1] = long ? 3 : 2;
  b[at + 2] = id >>> 8;
  b[at + 3] = id;
  if (long) b[at + 4] = code;
}

/** Writes an acknowledgement with whatever it carries. */
export function encodeAck(w: Writer, { type, id, code, properties }: Ack, version: Version): void {
  const head = type === "PUBREL" ? PUBREL : PACKET_TYPES.indexOf(type) << 4;
  if (version < 5 || properties === undefined) return writeAck(w, head, id, code, version);
  const size = propertiesSize(properties);
  w.u8(head);
  writeVar(w, 3 + varSize(size) + size);
  w.u16(id);
  w.u8(code);
  writeProperties(w, properties);
}
