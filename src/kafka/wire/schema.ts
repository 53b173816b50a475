import { EMPTY } from "../../bytes/writer.ts";

/**
 * The language in which Kafka's messages are written down. A message is an object of fields in wire
 * order; a field says its type, the versions it exists in, where it may be null, its tag and its
 * default, in the words of Kafka's own message definitions. From the one table come the TypeScript
 * types and, per version and on first use, the codec.
 */

/** Versions: `"3"`, `"3+"`, `"0-12"`. */
export type Range = `${number}` | `${number}+` | `${number}-${number}`;

export type Kind =
  | "bool"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "float64"
  | "string"
  | "uuid"
  | "bytes"
  | "records"
  | "array"
  | "struct";

interface Options<T> {
  /** Versions in which the value may be null. */
  nullable?: Range;
  /** Makes it a tagged field of this number in all its versions (KIP-482): sent only when it differs from the default. */
  tag?: number;
  /** What an absent field means; also lets writers leave the field out. Without it absent means zero, "", empty or false. */
  default?: T | null;
}

/**
 * One field. `Out` is what a decoder yields, `In` what an encoder takes; `Opt` is true where an
 * encoder may do without.
 */
export class Field<out Out = unknown, out In = unknown, out Opt extends boolean = boolean> {
  declare readonly types: { out: Out; in: In; optional: Opt };

  constructor(
    readonly kind: Kind,
    readonly versions: Range,
    readonly nullable: Range | null,
    readonly tag: number | null,
    readonly default_: unknown,
    readonly element: Field | null = null,
    readonly fields: Fields | null = null,
  ) {}

  /** Values the wire may lack: the default, else the zero of the type. */
  get absent(): unknown {
    // An empty array as default stands for the one that nobody can write to.
    return this.default_ === undefined || Array.isArray(this.default_) ? zero(this) : this.default_;
  }
}

export type Fields = { readonly [name: string]: Field };

/** What decoding yields: every field is there, those the version lacks with their default. */
export type Infer<F extends Fields> = { -readonly [K in keyof F]: F[K]["types"]["out"] };
/** What encoding takes: fields with a default or a tag may be left out. */
export type Draft<F extends Fields> = {
  readonly [K in keyof F as F[K]["types"]["optional"] extends true ? never : K]: F[K]["types"]["in"];
} & { readonly [K in keyof F as F[K]["types"]["optional"] extends true ? K : never]?: F[K]["types"]["in"] };

type OrNull<O> = O extends { nullable: Range } ? null : never;
type Opt<O> = O extends { default: unknown } | { tag: number } ? true : false;
type Scalar<T, In = T> = <const O extends Options<T> = {}>(versions?: Range, options?: O) => Field<T | OrNull<O>, In | OrNull<O>, Opt<O>>;

function scalar<T, In = T>(kind: Kind): Scalar<T, In> {
  return (versions = "0+", o?) => new Field(kind, versions, o?.nullable ?? null, o?.tag ?? null, o?.default);
}

export const bool = scalar<boolean>("bool");
export const int8 = scalar<number>("int8");
export const int16 = scalar<number>("int16");
export const uint16 = scalar<number>("uint16");
export const int32 = scalar<number>("int32");
export const uint32 = scalar<number>("uint32");
/** As a double: offsets, timestamps and producer ids stay below 2^53. */
export const int64 = scalar<number>("int64");
export const float64 = scalar<number>("float64");
export const string = scalar<string>("string");
/** In Kafka's spelling: 22 characters of base64url. */
export const uuid = scalar<string>("uuid");
/** Bytes of one's own: subscriptions and assignments outlive the request they came in. */
export const bytes = scalar<Buffer, Uint8Array>("bytes");
/** Record batches, unopened: a view of the frame on the way in, views of the log on the way out. */
export const records = scalar<Buffer, Buffer | readonly Buffer[]>("records");

type Element = Field | Fields;
type ElementOut<E extends Element> = E extends Field<infer Out> ? Out : E extends Fields ? Infer<E> : never;
type ElementIn<E extends Element> = E extends Field<unknown, infer In> ? In : E extends Fields ? Draft<E> : never;

export function array<E extends Element, const O extends Options<never[]> = {}>(
  element: E,
  versions: Range = "0+",
  o?: O,
): Field<ElementOut<E>[] | OrNull<O>, readonly ElementIn<E>[] | OrNull<O>, Opt<O>> {
  const item = element instanceof Field ? element : struct(element as Fields, versions);
  return new Field("array", versions, o?.nullable ?? null, o?.tag ?? null, o?.default, item);
}

export function struct<F extends Fields, const O extends Options<never> = {}>(
  fields: F,
  versions: Range = "0+",
  o?: O,
): Field<Infer<F> | OrNull<O>, Draft<F> | OrNull<O>, Opt<O>> {
  return new Field("struct", versions, o?.nullable ?? null, o?.tag ?? null, o?.default, null, fields);
}

export const ZERO_UUID = "AAAAAAAAAAAAAAAAAAAAAA";
const NONE: readonly never[] = Object.freeze([]);

function zero(field: Field): unknown {
  switch (field.kind) {
    case "bool":
      return false;
    case "string":
      return "";
    case "uuid":
      return ZERO_UUID;
    case "bytes":
      return EMPTY;
    case "records":
      return field.nullable ? null : EMPTY;
    case "array":
      return NONE;
    case "struct":
      return absent(field.fields!);
    default:
      return 0;
  }
}

/** A struct of nothing but absent fields. */
export function absent(fields: Fields): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const name in fields) value[name] = fields[name]!.absent;
  return value;
}

/** First and last version of a range; the last is Infinity for "3+". */
export function bounds(range: Range): [first: number, last: number] {
  if (range.endsWith("+")) return [Number(range.slice(0, -1)), Infinity];
  const dash = range.indexOf("-");
  if (dash < 0) return [Number(range), Number(range)];
  return [Number(range.slice(0, dash)), Number(range.slice(dash + 1))];
}

export function within(range: Range | null, version: number): boolean {
  if (range === null) return false;
  const [first, last] = bounds(range);
  return version >= first && version <= last;
}
