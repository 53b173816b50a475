import { DecodeError, Reader } from "../../bytes/reader.ts";
import type { Writer } from "../../bytes/writer.ts";
import { readLonglong, writeShortstr } from "./codec.ts";
import type { Properties, PropertyName } from "../model/properties.ts";
import { bytesOf, checkTable, FieldTable } from "./fields.ts";

type PropertyType = "shortstr" | "octet" | "timestamp" | "table";

/** In the order of their flags, bit 15 first. */
const PROPERTIES = [
  ["contentType", "shortstr"],
  ["contentEncoding", "shortstr"],
  ["headers", "table"],
  ["deliveryMode", "octet"],
  ["priority", "octet"],
  ["correlationId", "shortstr"],
  ["replyTo", "shortstr"],
  ["expiration", "shortstr"],
  ["messageId", "shortstr"],
  ["timestamp", "timestamp"],
  ["type", "shortstr"],
  ["userId", "shortstr"],
  ["appId", "shortstr"],
  ["clusterId", "shortstr"],
] as const satisfies readonly (readonly [PropertyName, PropertyType])[];

/** The flag of each property in the first flag word. */
export const FLAG = Object.fromEntries(PROPERTIES.map(([name], i) => [name, 1 << (15 - i)])) as { readonly [N in PropertyName]: number };

/** Bit 0 of a flag word: another word follows. */
const MORE = 1;

/**
 * Reads the flag words. Class basic has 14 properties, all in the first word: later words may be
 * there, but a property in one of them has no known layout.
 */
function readFlags(reader: Reader): number {
  const flags = reader.u16();
  for (let word = flags; word & MORE; ) {
    word = reader.u16();
    if (word & ~MORE) throw new DecodeError(`unknown property flags 0x${word.toString(16)}`);
  }
  if (flags & 2) throw new DecodeError("unknown property flag 0x2");
  return flags;
}

/** Reads flags and values, all of `buf[start, end)`; headers are a view. Throws DecodeError with the property in its path. */
export function decodeProperties(buf: Buffer, start: number, end: number): Properties {
  const reader = new Reader(buf, start, end);
  const flags = readFlags(reader);
  const properties: { [N in PropertyName]?: unknown } = {};
  for (let i = 0; i < PROPERTIES.length; i++) {
    if (!(flags & (1 << (15 - i)))) continue;
    const [name, type] = PROPERTIES[i]!;
    try {
      // Not refused for being no UTF-8, as names are: nothing in the broker hangs on them.
      if (type === "shortstr") properties[name] = reader.utf8(reader.u8());
      else if (type === "octet") properties[name] = reader.u8();
      else if (type === "timestamp") properties[name] = readLonglong(reader);
      else properties[name] = new FieldTable(reader.view(reader.u32()));
    } catch (error) {
      throw error instanceof DecodeError ? error.at(name) : error;
    }
  }
  if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes after the last property`);
  return properties as Properties;
}

/**
 * Walks over flags and values without making anything of them. What passes decodes without an error
 * whenever somebody asks: a message may be looked at long after its sender is gone.
 */
export function checkProperties(buf: Buffer, start: number, end: number): void {
  if (end - start < 2) throw new DecodeError("no property flags");
  let flags = (buf[start]! << 8) | buf[start + 1]!;
  let at = start + 2;
  if (flags & 3) {
    const reader = new Reader(buf, start, end);
    flags = readFlags(reader) & ~MORE;
    at = reader.pos;
  }
  for (let i = 0; flags & 0xfffc; i++, flags <<= 1) {
    if (!(flags & 0x8000)) continue;
    const type = PROPERTIES[i]![1];
    if (type === "octet") at += 1;
    else if (type === "timestamp") at += 8;
    else if (type === "shortstr") at += at < end ? 1 + buf[at]! : 1;
    else {
      const from = at + 4;
      at = from + (end >= from ? buf.readUInt32BE(at) : 0);
      if (at <= end) checkTable(buf, from, at);
    }
    if (at > end) throw new DecodeError(`${PROPERTIES[i]![0]}: short read`);
  }
  if (at !== end) throw new DecodeError(`${end - at} bytes after the last property`);
}

/** Writes flags and values; absent and undefined properties are not sent. */
export function encodeProperties(properties: Properties, out: Writer): void {
  let flags = 0;
  for (const [name] of PROPERTIES) if (properties[name] !== undefined) flags |= FLAG[name];
  out.u16(flags);
  for (const [name, type] of PROPERTIES) {
    if (!(flags & FLAG[name])) continue;
    if (type === "shortstr") writeShortstr(out, properties[name] as string);
    else if (type === "octet") out.u8(properties[name] as number);
    else if (type === "timestamp") out.i64n(properties[name] as number);
    else {
      const bytes = bytesOf(properties[name]!);
      out.u32(bytes.length);
      out.bytes(bytes);
    }
  }
}
