import { DecodeError, Reader } from "../../bytes/reader.ts";
import { EMPTY, Writer } from "../../bytes/writer.ts";

/**
 * The letters of field values as RabbitMQ reads them, which is not everywhere the specification's
 * reading (its errata 3): `s` is a signed 16-bit number, `l` and `L` are both signed 64-bit ones.
 *
 * `t` boolean · `b` `B` 8 · `s` `u` 16 · `I` `i` 32 bits signed, unsigned · `l` `L` 64 bits signed ·
 * `f` float · `d` double · `D` decimal · `S` text · `x` bytes · `A` array · `T` seconds since 1970 ·
 * `F` table · `V` void
 */
export type FieldType = "t" | "b" | "B" | "s" | "u" | "I" | "i" | "l" | "L" | "f" | "d" | "D" | "S" | "x" | "A" | "T" | "F" | "V";

/** `unscaled / 10^scale`. */
export class Decimal {
  constructor(
    readonly scale: number,
    readonly unscaled: number,
  ) {}
}

/** One value with its wire type. 64-bit numbers beyond 2^53 are bigints, times are seconds. */
export class Field {
  constructor(
    readonly type: FieldType,
    readonly value: boolean | number | bigint | string | Buffer | Decimal | readonly Field[] | FieldTable | null,
  ) {}
}

/** What people read and write: times are Dates, tables are objects, arrays are arrays. */
export type Plain =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Decimal
  | Date
  | Field
  | FieldTable
  | null
  | undefined
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/** Tables in tables in tables: a frame could hold thousands of levels, and no client means that. */
const DEEPEST = 64;

/**
 * A field table. Decoded ones are a view of the bytes they came in and are read when first asked;
 * written again, the bytes are the same. Of names that come twice the first counts, as in RabbitMQ.
 */
export class FieldTable {
  static readonly EMPTY = new FieldTable(EMPTY);
  private entries: [string, Field][] | null = null;

  /** `bytes`: the entries, without the length before them. */
  constructor(
    readonly bytes: Buffer,
    private readonly depth = 0,
  ) {}

  /**
   * Encodes an object. Whole numbers become `I` where they fit, else `l`; others `d`; a Date `T`;
   * bytes `x`; null and undefined `V`; a `Field` says its own type.
   */
  static of(values: { readonly [name: string]: Plain }): FieldTable {
    const out = new Writer(128);
    for (const name in values) {
      writeName(out, name);
      writeField(out, fieldOf(values[name]));
    }
    return new FieldTable(out.toBuffer());
  }

  /** Encodes typed entries. */
  static ofFields(fields: Iterable<readonly [string, Field]>): FieldTable {
    const out = new Writer(128);
    for (const [name, field] of fields) {
      writeName(out, name);
      writeField(out, field);
    }
    return new FieldTable(out.toBuffer());
  }

  get isEmpty(): boolean {
    return this.bytes.length === 0;
  }

  /** All entries in wire order. Throws DecodeError when the bytes are not a table. */
  fields(): readonly (readonly [string, Field])[] {
    if (this.entries !== null) return this.entries;
    const entries: [string, Field][] = [];
    const reader = new Reader(this.bytes);
    while (reader.remaining > 0) {
      const name = reader.utf8(reader.u8());
      try {
        entries.push([name, readField(reader, this.depth)]);
      } catch (error) {
        throw error instanceof DecodeError ? error.at(name) : error;
      }
    }
    return (this.entries = entries);
  }

  field(name: string): Field | undefined {
    for (const [key, field] of this.fields()) if (key === name) return field;
    return undefined;
  }

  /** The plain value of `name`; undefined when it is not there. */
  get(name: string): Plain {
    const field = this.field(name);
    return field === undefined ? undefined : plain(field);
  }

  toObject(): { [name: string]: Plain } {
    const object: { [name: string]: Plain } = {};
    for (const [name, field] of this.fields()) if (!Object.hasOwn(object, name)) define(object, name, plain(field));
    return object;
  }

  /** The same table on bytes of its own: for one that outlives the frame it came in. */
  keep(): FieldTable {
    return this.isEmpty ? FieldTable.EMPTY : new FieldTable(Buffer.from(this.bytes), this.depth);
  }
}

/** A client may name a header `__proto__`. */
function define(object: { [name: string]: Plain }, name: string, value: Plain): void {
  if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

function plain(field: Field): Plain {
  const { type, value } = field;
  if (type === "T") return new Date(Number(value) * 1000);
  if (type === "A") return (value as readonly Field[]).map(plain);
  if (type === "F") return (value as FieldTable).toObject();
  return value as Plain;
}

/** The wire form of a plain value, see `FieldTable.of`. */
function fieldOf(value: Plain): Field {
  switch (typeof value) {
    case "boolean":
      return new Field("t", value);
    case "string":
      return new Field("S", value);
    case "bigint":
      return new Field("l", value);
    case "number":
      if (!Number.isInteger(value)) return new Field("d", value);
      if (value === (value | 0)) return new Field("I", value);
      return Number.isSafeInteger(value) ? new Field("l", value) : new Field("d", value);
    case "undefined":
      return new Field("V", null);
    case "object":
      break;
    default:
      throw new TypeError(`a field table holds no ${typeof value}`);
  }
  if (value === null) return new Field("V", value);
  if (value instanceof FieldTable) return new Field("F", value);
  if (value instanceof Decimal) return new Field("D", value);
  if (value instanceof Date) return new Field("T", Math.floor(value.getTime() / 1000));
  if (value instanceof Uint8Array) return new Field("x", Buffer.from(value.buffer, value.byteOffset, value.length));
  if (Array.isArray(value)) return new Field("A", value.map(fieldOf));
  if (value instanceof Field) return value;
  return new Field("F", FieldTable.of(value as { [name: string]: Plain }));
}

function whole(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

function readField(reader: Reader, depth: number): Field {
  const type = String.fromCharCode(reader.u8()) as FieldType;
  switch (type) {
    case "t":
      return new Field(type, reader.u8() !== 0);
    case "b":
      return new Field(type, reader.i8());
    case "B":
      return new Field(type, reader.u8());
    case "s":
      return new Field(type, reader.i16());
    case "u":
      return new Field(type, reader.u16());
    case "I":
      return new Field(type, reader.i32());
    case "i":
      return new Field(type, reader.u32());
    case "l":
    case "L":
      return new Field(type, whole(reader.i64()));
    case "f":
      return new Field(type, reader.f32());
    case "d":
      return new Field(type, reader.f64());
    case "D":
      return new Field(type, new Decimal(reader.u8(), reader.u32()));
    case "S":
      return new Field(type, reader.utf8(reader.u32()));
    case "x":
      return new Field(type, reader.view(reader.u32()));
    case "T":
      return new Field(type, whole(reader.u64()));
    case "V":
      return new Field(type, null);
    case "F":
      return new Field(type, new FieldTable(reader.view(reader.u32()), deeper(depth)));
    case "A": {
      const items: Field[] = [];
      const size = reader.u32();
      const inner = new Reader(reader.buf, reader.take(size), reader.pos);
      while (inner.remaining > 0) items.push(readField(inner, deeper(depth)));
      return new Field(type, items);
    }
    default:
      throw new DecodeError(`unknown field type ${JSON.stringify(type)}`);
  }
}

function deeper(depth: number): number {
  if (depth >= DEEPEST) throw new DecodeError(`tables nested deeper than ${DEEPEST}`);
  return depth + 1;
}

function writeName(out: Writer, name: string): void {
  const size = Buffer.byteLength(name);
  if (size > 255) throw new RangeError(`a field name of ${size} bytes: at most 255`);
  out.u8(size);
  out.utf8(name);
}

function writeField(out: Writer, { type, value }: Field): void {
  out.u8(type.charCodeAt(0));
  switch (type) {
    case "t":
      return out.u8(value ? 1 : 0);
    case "b":
    case "B":
      return out.u8(value as number);
    case "s":
    case "u":
      return out.u16(value as number);
    case "I":
    case "i":
      return out.u32(value as number);
    case "l":
    case "L":
      return out.i64(BigInt(value as number));
    case "T":
      return out.u64(BigInt(value as number));
    case "f":
      return out.f32(value as number);
    case "d":
      return out.f64(value as number);
    case "D": {
      const { scale, unscaled } = value as Decimal;
      out.u8(scale);
      return out.u32(unscaled);
    }
    case "S": {
      const text = value as string;
      out.u32(Buffer.byteLength(text));
      out.utf8(text);
      return;
    }
    case "x": {
      const bytes = value as Buffer;
      out.u32(bytes.length);
      return out.bytes(bytes);
    }
    case "V":
      return;
    case "F": {
      const { bytes } = value as FieldTable;
      out.u32(bytes.length);
      return out.bytes(bytes);
    }
    case "A": {
      // Into a buffer of its own: the length before it is not known yet, and marks do not nest.
      const inner = new Writer(64);
      for (const item of value as readonly Field[]) writeField(inner, item);
      out.u32(inner.pos);
      return out.bytes(inner.buf.subarray(0, inner.pos));
    }
  }
}

/** Bytes of the values whose size their type says. */
const SIZES: Record<string, number> = { t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, l: 8, L: 8, f: 4, d: 8, D: 5, T: 8, V: 0 };

/**
 * Walks over the entries of a table in `buf[at, end)`, or over the items of an array, without making
 * anything of them. Throws DecodeError where reading them would.
 */
export function checkTable(buf: Buffer, at: number, end: number, isArray = false, depth = 0): void {
  if (depth > DEEPEST) throw new DecodeError(`tables nested deeper than ${DEEPEST}`);
  while (at < end) {
    if (!isArray) at += 1 + buf[at]!;
    const letter = at < end ? String.fromCharCode(buf[at]!) : "";
    at += 1;
    let size = SIZES[letter];
    if (size === undefined) {
      if (letter !== "S" && letter !== "x" && letter !== "A" && letter !== "F")
        throw new DecodeError(`unknown field type ${JSON.stringify(letter)}`);
      if (end - at < 4) throw new DecodeError("short read in a field table");
      size = buf.readUInt32BE(at);
      at += 4;
    }
    if (size > end - at) throw new DecodeError("short read in a field table");
    if (letter === "A" || letter === "F") checkTable(buf, at, at + size, letter === "A", depth + 1);
    at += size;
  }
}

const NAMES: Record<FieldType, string> = {
  t: "bool",
  b: "byte",
  B: "unsignedbyte",
  s: "short",
  u: "unsignedshort",
  I: "signedint",
  i: "unsignedint",
  l: "long",
  L: "long",
  f: "float",
  d: "double",
  D: "decimal",
  S: "longstr",
  x: "binary",
  A: "array",
  T: "timestamp",
  F: "table",
  V: "void",
};

/** What RabbitMQ calls the type in its error texts. */
export function typeName(field: Field): string {
  return NAMES[field.type];
}
