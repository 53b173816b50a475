import { DecodeError, Reader } from "../../bytes/reader.ts";
import { EMPTY, Writer } from "../../bytes/writer.ts";
import { Decimal, Field, type Kind, type Plain, Table } from "../model/values.ts";

/**
 * The letters of field values as RabbitMQ reads them, which is not everywhere the specification's
 * reading (its errata 3): `s` is a signed 16-bit number, `l` and `L` are both signed 64-bit ones.
 */
const KINDS = {
  t: "boolean",
  b: "int8",
  B: "uint8",
  s: "int16",
  u: "uint16",
  I: "int32",
  i: "uint32",
  l: "int64",
  L: "int64",
  f: "float",
  d: "double",
  D: "decimal",
  S: "text",
  x: "bytes",
  A: "list",
  T: "timestamp",
  F: "table",
  V: "void",
} as const satisfies Record<string, Kind>;

export type FieldType = keyof typeof KINDS;

/** The letter that a kind is written with: `l` for 64 bits, as RabbitMQ does. */
const LETTERS = Object.fromEntries(
  Object.entries(KINDS)
    .filter(([letter]) => letter !== "L")
    .map(([letter, kind]) => [kind, letter.charCodeAt(0)]),
) as Record<Kind, number>;

/** Tables in tables in tables: a frame could hold thousands of levels, and no client means that. */
const DEEPEST = 64;

const NONE: readonly (readonly [string, Field])[] = [];

/** A table as it came: a view of its bytes, read when somebody first asks; written again, the bytes are the same. */
export class FieldTable extends Table {
  static override readonly EMPTY = new FieldTable(EMPTY);
  private decoded: (readonly [string, Field])[] | null = null;

  /** `bytes`: the entries, without the length before them. */
  constructor(
    readonly bytes: Buffer,
    private readonly depth = 0,
  ) {
    super(NONE);
  }

  /** Encodes an object, as `Table.of` types it. */
  static override of(values: { readonly [name: string]: Plain }): FieldTable {
    return encoded(Table.of(values));
  }

  /** Encodes typed entries. */
  static override ofFields(fields: Iterable<readonly [string, Field]>): FieldTable {
    return encoded(Table.ofFields(fields));
  }

  override get isEmpty(): boolean {
    return this.bytes.length === 0;
  }

  override fields(): readonly (readonly [string, Field])[] {
    if (this.decoded !== null) return this.decoded;
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
    return (this.decoded = entries);
  }

  override keep(): FieldTable {
    return this.isEmpty ? FieldTable.EMPTY : new FieldTable(Buffer.from(this.bytes), this.depth);
  }
}

/** The bytes of a table, without the length before them. */
export function bytesOf(table: Table): Buffer {
  return table instanceof FieldTable ? table.bytes : encoded(table).bytes;
}

function encoded(table: Table): FieldTable {
  if (table instanceof FieldTable) return table;
  const out = new Writer(128);
  for (const [name, field] of table.fields()) {
    writeName(out, name);
    writeField(out, field);
  }
  return new FieldTable(out.toBuffer());
}

function whole(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

function readField(reader: Reader, depth: number): Field {
  const letter = String.fromCharCode(reader.u8()) as FieldType;
  const kind = KINDS[letter];
  switch (letter) {
    case "t":
      return new Field(kind, reader.u8() !== 0);
    case "b":
      return new Field(kind, reader.i8());
    case "B":
      return new Field(kind, reader.u8());
    case "s":
      return new Field(kind, reader.i16());
    case "u":
      return new Field(kind, reader.u16());
    case "I":
      return new Field(kind, reader.i32());
    case "i":
      return new Field(kind, reader.u32());
    case "l":
    case "L":
      return new Field(kind, whole(reader.i64()));
    case "f":
      return new Field(kind, reader.f32());
    case "d":
      return new Field(kind, reader.f64());
    case "D":
      return new Field(kind, new Decimal(reader.u8(), reader.u32()));
    case "S":
      return new Field(kind, reader.utf8(reader.u32()));
    case "x":
      return new Field(kind, reader.view(reader.u32()));
    case "T":
      return new Field(kind, whole(reader.u64()));
    case "V":
      return new Field(kind, null);
    case "F":
      return new Field(kind, new FieldTable(reader.view(reader.u32()), deeper(depth)));
    case "A": {
      const items: Field[] = [];
      const size = reader.u32();
      const inner = new Reader(reader.buf, reader.take(size), reader.pos);
      while (inner.remaining > 0) items.push(readField(inner, deeper(depth)));
      return new Field(kind, items);
    }
    default:
      throw new DecodeError(`unknown field type ${JSON.stringify(letter)}`);
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

function writeField(out: Writer, { kind, value }: Field): void {
  out.u8(LETTERS[kind]);
  switch (kind) {
    case "boolean":
      return out.u8(value ? 1 : 0);
    case "int8":
    case "uint8":
      return out.u8(value as number);
    case "int16":
    case "uint16":
      return out.u16(value as number);
    case "int32":
    case "uint32":
      return out.u32(value as number);
    case "int64":
      return out.i64(BigInt(value as number));
    case "timestamp":
      return out.u64(BigInt(value as number));
    case "float":
      return out.f32(value as number);
    case "double":
      return out.f64(value as number);
    case "decimal": {
      const { scale, unscaled } = value as Decimal;
      out.u8(scale);
      return out.u32(unscaled);
    }
    case "text": {
      const text = value as string;
      out.u32(Buffer.byteLength(text));
      out.utf8(text);
      return;
    }
    case "bytes": {
      const bytes = value as Buffer;
      out.u32(bytes.length);
      return out.bytes(bytes);
    }
    case "void":
      return;
    case "table": {
      const bytes = bytesOf(value as Table);
      out.u32(bytes.length);
      return out.bytes(bytes);
    }
    case "list": {
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
