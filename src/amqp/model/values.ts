/** What a typed value is, in whichever version of the protocol it came. */
export type Kind =
  | "boolean"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "float"
  | "double"
  | "decimal"
  | "text"
  | "bytes"
  | "list"
  | "timestamp"
  | "table"
  | "void";

/** `unscaled / 10^scale`. */
export class Decimal {
  constructor(
    readonly scale: number,
    readonly unscaled: number,
  ) {}
}

/** One typed value. 64-bit numbers beyond 2^53 are bigints, timestamps are seconds since 1970. */
export class Field {
  constructor(
    readonly kind: Kind,
    readonly value: boolean | number | bigint | string | Buffer | Decimal | readonly Field[] | Table | null,
  ) {}
}

/** What people read and write: times are Dates, tables are objects, lists are arrays. */
export type Plain =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Decimal
  | Date
  | Field
  | Table
  | null
  | undefined
  | readonly Plain[]
  | { readonly [name: string]: Plain };

type Entries = readonly (readonly [string, Field])[];

/** The longest name of a field, in bytes: AMQP 0-9-1 cannot carry a longer one. */
const NAME_MOST = 255;

/**
 * Named values: the headers of a message, the arguments of a declaration. One that came over the wire is
 * decoded when somebody first asks (`v091/fields.ts`). Of names that come twice the first counts, as in
 * RabbitMQ.
 */
export class Table {
  static readonly EMPTY = new Table([]);

  protected constructor(private readonly entries: Entries) {}

  /**
   * Types plain values: whole numbers become int32 where they fit, else int64; others double; a Date a
   * timestamp; bytes `bytes`; null and undefined void; a `Field` says its own kind. Throws TypeError for
   * a value that no table holds, RangeError for a name of more than 255 bytes.
   */
  static of(values: { readonly [name: string]: Plain }): Table {
    const entries: [string, Field][] = [];
    for (const name in values) {
      const size = Buffer.byteLength(name);
      if (size > NAME_MOST) throw new RangeError(`a field name of ${size} bytes: at most ${NAME_MOST}`);
      entries.push([name, fieldOf(values[name])]);
    }
    return new Table(entries);
  }

  static ofFields(fields: Iterable<readonly [string, Field]>): Table {
    return new Table([...fields]);
  }

  get isEmpty(): boolean {
    return this.fields().length === 0;
  }

  /** All entries in order. Throws DecodeError when what came over the wire is not a table. */
  fields(): Entries {
    return this.entries;
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
  keep(): Table {
    return this;
  }

  /** The same text for two tables that hold the same values of the same kinds under the same names, in whatever order. */
  identity(): string {
    return entriesOf(this).sort().join("");
  }
}

/** A client may name a header `__proto__`. */
function define(object: { [name: string]: Plain }, name: string, value: Plain): void {
  if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

function plain(field: Field): Plain {
  const { kind, value } = field;
  if (kind === "timestamp") return new Date(Number(value) * 1000);
  if (kind === "list") return (value as readonly Field[]).map(plain);
  if (kind === "table") return (value as Table).toObject();
  return value as Plain;
}

/** The typed form of a plain value, see `Table.of`. */
function fieldOf(value: Plain): Field {
  switch (typeof value) {
    case "boolean":
      return new Field("boolean", value);
    case "string":
      return new Field("text", value);
    case "bigint":
      return new Field("int64", value);
    case "number":
      if (!Number.isInteger(value)) return new Field("double", value);
      if (value === (value | 0)) return new Field("int32", value);
      return Number.isSafeInteger(value) ? new Field("int64", value) : new Field("double", value);
    case "undefined":
      return new Field("void", null);
    case "object":
      break;
    default:
      throw new TypeError(`a table holds no ${typeof value}`);
  }
  if (value === null) return new Field("void", value);
  if (value instanceof Table) return new Field("table", value);
  if (value instanceof Decimal) return new Field("decimal", value);
  if (value instanceof Date) return new Field("timestamp", Math.floor(value.getTime() / 1000));
  if (value instanceof Uint8Array) return new Field("bytes", Buffer.from(value.buffer, value.byteOffset, value.length));
  if (Array.isArray(value)) return new Field("list", value.map(fieldOf));
  if (value instanceof Field) return value;
  return new Field("table", Table.of(value as { [name: string]: Plain }));
}

function entriesOf(table: Table): string[] {
  return table.fields().map(([name, field]) => `${name.length}:${name}${identityOf(field)}`);
}

function identityOf({ kind, value }: Field): string {
  if (value instanceof Table) return `${kind}{${entriesOf(value).join("")}}`;
  if (Array.isArray(value)) return `${kind}[${value.map(identityOf).join("")}]`;
  const text =
    value instanceof Decimal ? `${value.unscaled}e${value.scale}` : Buffer.isBuffer(value) ? value.toString("latin1") : String(value);
  return `${kind}(${text.length}:${text})`;
}
