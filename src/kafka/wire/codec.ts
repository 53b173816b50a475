import { DecodeError, type Reader } from "../../bytes/reader.ts";
import { EMPTY, Writer } from "../../bytes/writer.ts";
import { absent, type Draft, type Field, type Fields, type Infer, type Range, within } from "./schema.ts";

/** Reader and writer of one type at one version. */
interface Codec {
  read(r: Reader): unknown;
  write(w: Writer, value: any): void;
  /** The fewest bytes a value takes: what bounds the count of an array before any of it is read. */
  least: number;
}

/** A value that its field cannot carry. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  readonly path: string[] = [];

  at(step: string): this {
    this.path.unshift(step);
    return this;
  }

  override toString(): string {
    return `${this.path.join(".").replaceAll(".[", "[")}: ${this.message}`;
  }
}

/** One direction of one API: its fields in all versions. Codecs are made when a version is first met. */
export class Message<F extends Fields = Fields> {
  private readonly codecs: Codec[] = [];
  private table: F | null = null;

  /** @param flexible versions that use compact lengths and tags (KIP-482); null for none */
  constructor(
    readonly name: string,
    readonly direction: "request" | "response",
    private readonly makeTable: () => F,
    readonly flexible: Range | null,
  ) {}

  get fields(): F {
    return (this.table ??= this.makeTable());
  }

  /** Throws a DecodeError whose path begins with, say, `Fetch v13 request topics[2]`. */
  decode(version: number, reader: Reader): Infer<F> {
    return this.codec(version).read(reader) as Infer<F>;
  }

  /** Throws an EncodeError with the same kind of path when a value does not fit. */
  encode(version: number, writer: Writer, body: Draft<F>): void {
    this.codec(version).write(writer, body);
  }

  private codec(version: number): Codec {
    return (this.codecs[version] ??= compile(
      this.fields,
      version,
      within(this.flexible, version),
      `${this.name} v${version} ${this.direction}`,
    ));
  }
}

/** The codec of a whole message; `title` begins the path of every error. */
function compile(fields: Fields, version: number, flexible: boolean, title: string): Codec {
  const body = structOf(fields, version, flexible);
  const titled = (error: unknown): unknown => {
    if (error instanceof DecodeError || error instanceof EncodeError) {
      error.path[0] = error.path.length > 0 ? `${title} ${error.path[0]}` : title;
    }
    return error;
  };
  return {
    least: body.least,
    read(r) {
      try {
        return body.read(r);
      } catch (error) {
        throw titled(error);
      }
    },
    write(w, value) {
      try {
        body.write(w, value);
      } catch (error) {
        throw titled(error);
      }
    },
  };
}

const read = {
  bool: { least: 1, read: (r) => r.u8() !== 0, write: (w, v) => w.u8(v ? 1 : 0) },
  int8: { least: 1, read: (r) => r.i8(), write: (w, v) => w.i8(number(v)) },
  int16: { least: 2, read: (r) => r.i16(), write: (w, v) => w.i16(number(v)) },
  uint16: { least: 2, read: (r) => r.u16(), write: (w, v) => w.u16(number(v)) },
  int32: { least: 4, read: (r) => r.i32(), write: (w, v) => w.i32(number(v)) },
  uint32: { least: 4, read: (r) => r.u32(), write: (w, v) => w.u32(number(v)) },
  int64: { least: 8, read: (r) => r.i64n(), write: (w, v) => w.i64n(number(v)) },
  float64: { least: 8, read: (r) => r.f64(), write: (w, v) => w.f64(number(v)) },
  uuid: { least: 16, read: readUuid, write: writeUuid },
} satisfies Record<string, Codec>;

function number(value: unknown): number {
  if (typeof value !== "number") throw new EncodeError(`a number is wanted, not ${value === null ? "null" : typeof value}`);
  return value;
}

function readUuid(r: Reader): string {
  const at = r.take(16);
  return r.buf.toString("base64url", at, at + 16);
}

function writeUuid(w: Writer, value: unknown): void {
  if (typeof value !== "string" || value.length !== 22) throw new EncodeError("a uuid of 22 base64url characters is wanted");
  const at = w.claim(16);
  w.buf.write(value, at, 16, "base64url");
}

function codecOf(field: Field, version: number, flexible: boolean): Codec {
  const nullable = within(field.nullable, version);
  switch (field.kind) {
    case "string":
      return stringOf(flexible, nullable);
    case "bytes":
      return bytesOf(flexible, nullable, (r, n) => r.copy(n));
    case "records":
      return bytesOf(flexible, nullable, (r, n) => r.view(n));
    case "array":
      return arrayOf(codecOf(field.element!, version, flexible), flexible, nullable);
    case "struct": {
      const inner = structOf(field.fields!, version, flexible);
      return nullable ? nullableStruct(inner) : inner;
    }
    default:
      return read[field.kind];
  }
}

/**
 * Lengths of strings, bytes and arrays: flexible versions send an unsigned varint of length + 1 and 0
 * for null, the others a 16- or 32-bit number and -1 for null. Yields -1 for null where it is allowed.
 */
function lengthOf(flexible: boolean, nullable: boolean, wide: boolean) {
  return {
    read(r: Reader): number {
      const n = flexible ? r.uvarint() - 1 : wide ? r.i32() : r.i16();
      if (n >= 0 || (n === -1 && nullable)) return n;
      throw new DecodeError(n === -1 ? "null is not allowed here" : `negative length ${n}`);
    },
    write(w: Writer, n: number): void {
      if (flexible) w.uvarint(n + 1);
      else if (wide) w.i32(n);
      else if (n <= 0x7fff) w.i16(n);
      else throw new EncodeError(`${n} bytes do not fit: at most 32767`);
    },
    none(w: Writer, value: unknown, wanted: string): void {
      if (value !== null || !nullable) throw new EncodeError(`${wanted} is wanted, not ${value === null ? "null" : typeof value}`);
      this.write(w, -1);
    },
    least: flexible ? 1 : wide ? 4 : 2,
  };
}

function stringOf(flexible: boolean, nullable: boolean): Codec {
  const length = lengthOf(flexible, nullable, false);
  return {
    least: length.least,
    read(r) {
      const n = length.read(r);
      return n < 0 ? null : r.name(n);
    },
    write(w, value) {
      if (typeof value !== "string") return length.none(w, value, "a string");
      length.write(w, Buffer.byteLength(value));
      w.utf8(value);
    },
  };
}

function bytesOf(flexible: boolean, nullable: boolean, take: (r: Reader, n: number) => Buffer): Codec {
  const length = lengthOf(flexible, nullable, true);
  return {
    least: length.least,
    read(r) {
      const n = length.read(r);
      return n < 0 ? null : n === 0 ? EMPTY : take(r, n);
    },
    write(w, value) {
      if (value instanceof Uint8Array) {
        length.write(w, value.length);
        w.view(value);
      } else if (Array.isArray(value)) {
        let size = 0;
        for (const view of value as Buffer[]) size += view.length;
        length.write(w, size);
        for (const view of value as Buffer[]) w.view(view);
      } else length.none(w, value, "bytes");
    },
  };
}

function arrayOf(element: Codec, flexible: boolean, nullable: boolean): Codec {
  const length = lengthOf(flexible, nullable, true);
  const least = Math.max(1, element.least);
  return {
    least: length.least,
    read(r) {
      const n = length.read(r);
      if (n < 0) return null;
      if (n * least > r.remaining) throw new DecodeError(`${n} elements announced, ${r.remaining} bytes left`);
      const values: unknown[] = [];
      try {
        while (values.length < n) values.push(element.read(r));
      } catch (error) {
        throw step(error, `[${values.length}]`);
      }
      return values;
    },
    write(w, value) {
      if (!Array.isArray(value)) return length.none(w, value, "an array");
      length.write(w, value.length);
      let i = 0;
      try {
        for (; i < value.length; i++) element.write(w, value[i]);
      } catch (error) {
        throw step(error, `[${i}]`);
      }
    },
  };
}

/** A struct that may be null begins with a byte of its own: -1 for null, 1 for a value. */
function nullableStruct(inner: Codec): Codec {
  return {
    least: 1,
    read: (r) => (r.i8() < 0 ? null : inner.read(r)),
    write(w, value) {
      w.i8(value === null ? -1 : 1);
      if (value !== null) inner.write(w, value);
    },
  };
}

interface Named extends Codec {
  name: string;
  absent: unknown;
}

function structOf(fields: Fields, version: number, flexible: boolean): Codec {
  const plain: Named[] = [];
  const tagged = new Map<number, Named>();
  const shape = absent(fields);
  for (const name in fields) {
    const field = fields[name]!;
    if (!within(field.versions, version)) continue;
    const named = { name, absent: field.absent, ...codecOf(field, version, flexible) };
    if (field.tag === null) plain.push(named);
    else if (flexible) tagged.set(field.tag, named);
  }
  const tags = flexible ? tagsOf(tagged) : null;
  return {
    least: plain.reduce((sum, f) => sum + f.least, flexible ? 1 : 0),
    read: readerOf(plain, tags, shape),
    write: writerOf(plain, tags),
  };
}

/**
 * A struct's reader and writer are functions made for it, with a call of its own for each field: one
 * loop over all fields of all structs is a place where the JIT knows nothing, and cost a third of Produce.
 * What is put into their text is the names in our tables.
 */
function readerOf(plain: readonly Named[], tags: Tags | null, shape: Record<string, unknown>): Codec["read"] {
  const index = new Map(plain.map(({ name }, i) => [name, i]));
  const make = new Function(
    "fields",
    "shape",
    "tags",
    "step",
    `
    const [${plain.map((_, i) => `f${i}`).join(", ")}] = fields;
    return function read(r) {
      let at = 0, ${plain.map((_, i) => `v${i}, `).join("")}_;
      try {
        ${plain.map((_, i) => `v${i} = f${i}.read(r); at++;`).join("\n        ")}
      } catch (error) {
        throw step(error, fields[at].name);
      }
      const value = { ${Object.keys(shape)
        .map((name) => `${name}: ${index.has(name) ? `v${index.get(name)}` : `shape.${name}`}`)
        .join(", ")} };
      ${tags === null ? "" : "tags.read(r, value);"}
      return value;
    };`,
  );
  return make(plain, shape, tags, step);
}

function writerOf(plain: readonly Named[], tags: Tags | null): Codec["write"] {
  const make = new Function(
    "fields",
    "tags",
    "step",
    "object",
    `
    const [${plain.map((_, i) => `f${i}`).join(", ")}] = fields;
    return function write(w, value) {
      object(value);
      let at = 0, given;
      try {
        ${plain.map(({ name }, i) => `given = value.${name}; f${i}.write(w, given === undefined ? f${i}.absent : given); at++;`).join("\n        ")}
      } catch (error) {
        throw step(error, fields[at].name);
      }
      ${tags === null ? "" : "tags.write(w, value);"}
    };`,
  );
  return make(plain, tags, step, object);
}

function object(value: unknown): void {
  if (typeof value !== "object" || value === null)
    throw new EncodeError(`an object is wanted, not ${value === null ? "null" : typeof value}`);
}

type Tags = ReturnType<typeof tagsOf>;

/** The tagged fields that end every struct of a flexible version; unknown ones are skipped (KIP-482). */
function tagsOf(tagged: Map<number, Named>) {
  const inOrder = [...tagged].sort((a, b) => a[0] - b[0]);
  return {
    read(r: Reader, value: Record<string, unknown>): void {
      let previous = -1;
      for (let n = r.uvarint(); n > 0; n--) {
        const tag = r.uvarint();
        if (tag <= previous) throw new DecodeError(`tag ${tag} after tag ${previous}`);
        previous = tag;
        const size = r.uvarint();
        const at = r.take(size);
        const field = tagged.get(tag);
        if (field === undefined) continue;
        const { end } = r;
        r.pos = at;
        r.end = at + size;
        try {
          value[field.name] = field.read(r);
          if (r.pos !== r.end) throw new DecodeError(`${r.end - r.pos} bytes too many`);
        } catch (error) {
          throw step(error, field.name);
        }
        r.end = end;
      }
    },
    write(w: Writer, value: Record<string, unknown>): void {
      if (inOrder.length === 0) return w.u8(0);
      const present = inOrder.filter(([, f]) => !same(value[f.name], f.absent));
      w.uvarint(present.length);
      for (const [tag, field] of present) {
        const scratch = new Writer(64);
        try {
          field.write(scratch, value[field.name]);
        } catch (error) {
          throw step(error, field.name);
        }
        w.uvarint(tag);
        w.uvarint(scratch.pos);
        w.bytes(scratch.buf.subarray(0, scratch.pos));
      }
    },
  };
}

/** Is this what its absence would say? */
function same(value: unknown, absent: unknown): boolean {
  if (value === undefined || value === absent) return true;
  if (typeof value !== "object" || value === null || typeof absent !== "object" || absent === null) return false;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === (absent as unknown[]).length && value.length === 0;
  return Object.keys(absent).every((name) => same((value as any)[name], (absent as any)[name]));
}

function step(error: unknown, name: string): unknown {
  if (error instanceof DecodeError || error instanceof EncodeError) return error.at(name);
  return error;
}
