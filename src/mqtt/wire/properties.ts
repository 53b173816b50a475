import { Reader, utf8 } from "../../bytes/reader.ts";
import type { Writer } from "../../bytes/writer.ts";
import { MqttError, type PacketType } from "./reasons.ts";
import { isText } from "./text.ts";

/** Where a property may stand; the Will's properties have a section of their own within CONNECT. */
export type PropertyPlace = PacketType | "WILL";

const ACKS = "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH";
const EVERYWHERE = `CONNECT PUBLISH WILL SUBSCRIBE UNSUBSCRIBE ${ACKS}`;

/** MQTT 5.0, table 2-4. `flag` is a byte of 0 or 1; `pairs` and `vars` may come several times. */
const TABLE = {
  payloadFormatIndicator: { id: 0x01, type: "flag", in: "PUBLISH WILL" },
  messageExpiryInterval: { id: 0x02, type: "u32", in: "PUBLISH WILL" },
  contentType: { id: 0x03, type: "text", in: "PUBLISH WILL" },
  responseTopic: { id: 0x08, type: "text", in: "PUBLISH WILL" },
  correlationData: { id: 0x09, type: "binary", in: "PUBLISH WILL" },
  subscriptionIdentifier: { id: 0x0b, type: "vars", in: "PUBLISH SUBSCRIBE" },
  sessionExpiryInterval: { id: 0x11, type: "u32", in: "CONNECT CONNACK DISCONNECT" },
  assignedClientIdentifier: { id: 0x12, type: "text", in: "CONNACK" },
  serverKeepAlive: { id: 0x13, type: "u16", in: "CONNACK" },
  authenticationMethod: { id: 0x15, type: "text", in: "CONNECT CONNACK AUTH" },
  authenticationData: { id: 0x16, type: "binary", in: "CONNECT CONNACK AUTH" },
  requestProblemInformation: { id: 0x17, type: "flag", in: "CONNECT" },
  willDelayInterval: { id: 0x18, type: "u32", in: "WILL" },
  requestResponseInformation: { id: 0x19, type: "flag", in: "CONNECT" },
  responseInformation: { id: 0x1a, type: "text", in: "CONNACK" },
  serverReference: { id: 0x1c, type: "text", in: "CONNACK DISCONNECT" },
  reasonString: { id: 0x1f, type: "text", in: ACKS },
  receiveMaximum: { id: 0x21, type: "u16+", in: "CONNECT CONNACK" },
  topicAliasMaximum: { id: 0x22, type: "u16", in: "CONNECT CONNACK" },
  topicAlias: { id: 0x23, type: "u16", in: "PUBLISH" },
  maximumQoS: { id: 0x24, type: "flag", in: "CONNACK" },
  retainAvailable: { id: 0x25, type: "flag", in: "CONNACK" },
  userProperties: { id: 0x26, type: "pairs", in: EVERYWHERE },
  maximumPacketSize: { id: 0x27, type: "u32+", in: "CONNECT CONNACK" },
  wildcardSubscriptionAvailable: { id: 0x28, type: "flag", in: "CONNACK" },
  subscriptionIdentifiersAvailable: { id: 0x29, type: "flag", in: "CONNACK" },
  sharedSubscriptionAvailable: { id: 0x2a, type: "flag", in: "CONNACK" },
} as const;

/** Types as they stand on the wire; `+` means that zero is a protocol error. */
interface Types {
  flag: boolean;
  u16: number;
  "u16+": number;
  u32: number;
  "u32+": number;
  text: string;
  binary: Buffer;
  /** In the order in which they came, as [MQTT-3.3.2-18] wants them forwarded. */
  pairs: [name: string, value: string][];
  vars: number[];
}

export type PropertyName = keyof typeof TABLE;
/** Properties of a packet by name. */
export type Properties = { -readonly [N in PropertyName]?: Types[(typeof TABLE)[N]["type"]] };

interface Row {
  name: PropertyName;
  id: number;
  type: keyof Types;
  places: ReadonlySet<string>;
}
const rows: Row[] = Object.entries(TABLE).map(([name, row]) => ({
  name: name as PropertyName,
  id: row.id,
  type: row.type,
  places: new Set(row.in.split(" ")),
}));
const byId: (Row | undefined)[] = [];
for (const row of rows) byId[row.id] = row;
const byName = new Map(rows.map((row) => [row.name, row]));

/** The names that may stand in a packet, for tests and typed plugins. */
export function propertiesOf(place: PropertyPlace): PropertyName[] {
  return rows.filter((row) => row.places.has(place)).map((row) => row.name);
}

/** Variable byte integer (1.5.5): at most four bytes. */
function readVar(r: Reader): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = r.u8();
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new MqttError("Malformed Packet", "variable byte integer longer than four bytes");
}
export function writeVar(w: Writer, value: number): void {
  while (value >= 0x80) {
    w.u8((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  w.u8(value);
}
/** How many bytes `writeVar` takes. */
export function varSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/** Length-prefixed UTF-8, checked. */
export function readText(r: Reader): string {
  const at = r.pos + 2;
  skipText(r);
  return utf8(r.buf, at, r.pos);
}
/** The same without making a text of it. */
export function skipText(r: Reader): void {
  const size = r.u16();
  const at = r.take(size);
  if (!isText(r.buf, at, at + size)) throw new MqttError("Malformed Packet", "not well-formed UTF-8");
}
function writeText(w: Writer, text: string): void {
  const size = Buffer.byteLength(text);
  w.u16(size);
  w.utf8(text);
}

/**
 * Reads a property section, its length included; undefined when there are none in it. Throws for what
 * its place does not allow, for one that comes twice and for values that the specification forbids.
 */
export function readProperties(r: Reader, place: PropertyPlace): Properties | undefined {
  const properties: Properties = {};
  const size = readVar(r);
  if (size === 0) return undefined;
  if (size > r.remaining) throw new MqttError("Malformed Packet", `properties of ${size} bytes, ${r.remaining} left`);
  const section = new Reader(r.buf, r.pos, r.pos + size);
  r.skip(size);
  while (section.remaining > 0) readProperty(section, place, properties);
  return properties;
}

function readProperty(r: Reader, place: PropertyPlace, into: Properties): void {
  const id = r.u8();
  const row = byId[id];
  if (row === undefined) throw new MqttError("Malformed Packet", `unknown property 0x${id.toString(16).padStart(2, "0")}`);
  const { name, type } = row;
  if (!row.places.has(place)) throw new MqttError("Malformed Packet", `property ${name} in ${place}`); // 2.2.2.2
  const values = into as Record<PropertyName, unknown>;
  if (type === "pairs") return void (into.userProperties ??= []).push([readText(r), readText(r)]);
  if (type === "vars" && place === "PUBLISH") return void (into.subscriptionIdentifier ??= []).push(readValue(r, row) as number);
  if (name in into) throw new MqttError("Protocol Error", `property ${name} twice`);
  values[name] = type === "vars" ? [readValue(r, row)] : readValue(r, row);
}

function readValue(r: Reader, { name, type }: Row): unknown {
  switch (type) {
    case "flag": {
      const byte = r.u8();
      if (byte > 1) throw new MqttError("Protocol Error", `${name} ${byte}`);
      return byte === 1;
    }
    case "text":
      return readText(r);
    case "binary":
      return r.copy(r.u16());
    default: {
      const value = type === "vars" ? readVar(r) : type.startsWith("u16") ? r.u16() : r.u32();
      if (value === 0 && (type === "vars" || type.endsWith("+"))) throw new MqttError("Protocol Error", `${name} 0`);
      return value;
    }
  }
}

/** Writes a property section with its length. Nothing is judged: values go out as given. */
export function writeProperties(w: Writer, properties: Properties | undefined): void {
  if (properties === undefined) return w.u8(0);
  writeVar(w, propertiesSize(properties));
  writePropertyList(w, properties);
}

/** Writes properties without the length before them. */
export function writePropertyList(w: Writer, properties: Properties): void {
  for (const name of Object.keys(properties) as PropertyName[]) {
    const value = properties[name];
    const row = byName.get(name);
    if (value === undefined || row === undefined) continue;
    for (const item of repeated(row, value)) {
      w.u8(row.id);
      writeValue(w, row.type, item);
    }
  }
}

function repeated(row: Row, value: unknown): readonly unknown[] {
  return row.type === "pairs" || row.type === "vars" ? (value as unknown[]) : [value];
}

function writeValue(w: Writer, type: keyof Types, value: unknown): void {
  switch (type) {
    case "flag":
      return w.u8(value ? 1 : 0);
    case "u16":
    case "u16+":
      return w.u16(value as number);
    case "u32":
    case "u32+":
      return w.u32(value as number);
    case "text":
      return writeText(w, value as string);
    case "vars":
      return writeVar(w, value as number);
    case "binary":
      w.u16((value as Buffer).length);
      return w.bytes(value as Buffer);
    case "pairs":
      for (const text of value as string[]) writeText(w, text);
  }
}

/** Bytes that `writePropertyList` takes. */
export function propertiesSize(properties: Properties): number {
  let size = 0;
  for (const name of Object.keys(properties) as PropertyName[]) {
    const value = properties[name];
    const row = byName.get(name);
    if (value === undefined || row === undefined) continue;
    for (const item of repeated(row, value)) size += 1 + valueSize(row.type, item);
  }
  return size;
}

function valueSize(type: keyof Types, value: unknown): number {
  switch (type) {
    case "flag":
      return 1;
    case "u16":
    case "u16+":
      return 2;
    case "u32":
    case "u32+":
      return 4;
    case "text":
      return 2 + Buffer.byteLength(value as string);
    case "vars":
      return varSize(value as number);
    case "binary":
      return 2 + (value as Buffer).length;
    case "pairs":
      return (value as string[]).reduce((sum, text) => sum + 2 + Buffer.byteLength(text), 0);
  }
}
