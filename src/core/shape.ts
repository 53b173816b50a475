/**
 * Shapes of values that people write: a shape checks a value, fills in what was left out, says what is
 * wrong with path and nearest right word, and describes itself as JSON Schema. Durations and sizes take
 * units. Small enough to be there without being loaded, which zod is not.
 *
 * ```ts
 * const options = object({ ms: duration, jitter: optional(duration, 0), how: optional(word("fin", "rst"), "fin") });
 * check(options, { ms: "200ms" }); // { ms: 200, jitter: 0, how: "fin" }
 * ```
 */
import type { NamedError } from "./errors.ts";
import { nearest, nearestFew } from "./nearest.ts";
import { parseDuration, parseSize } from "./units.ts";

export type Path = readonly (string | number)[];
export type JsonSchema = { readonly [key: string]: unknown };

/** One thing that is wrong with a value. */
export interface Flaw {
  readonly path: Path;
  /** Without the path. */
  readonly message: string;
  /** The known word that was most likely meant. */
  readonly didYouMean?: string | undefined;
}

export interface Shape<T> {
  /** What it takes, as it follows "expected": `a duration such as "500ms"`. */
  readonly wants: string;
  readonly schema: JsonSchema;
  /** For a field of `object`: it may be left out. */
  readonly isOptional?: boolean;
  /** The value with defaults filled in; where that cannot be, flaws are added and the answer is of no use. */
  read(value: unknown, path: Path, flaws: Flaw[]): T;
}

export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** A value did not fit its shape. The message tells all flaws, a line each. */
export class ShapeError extends Error implements NamedError {
  override readonly name: string = "ShapeError";
  readonly status = 400;
  constructor(readonly flaws: readonly Flaw[]) {
    super(flaws.map(flawText).join("\n"));
  }
  /** Where the first flaw is. */
  get path(): Path {
    return this.flaws[0]!.path;
  }
  get didYouMean(): string | undefined {
    return this.flaws.find((flaw) => flaw.didYouMean !== undefined)?.didYouMean;
  }
}

export function flawText({ path, message }: Flaw): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

/** The value as its shape has it. Throws ShapeError. */
export function check<T>(shape: Shape<T>, value: unknown): T {
  const flaws: Flaw[] = [];
  const read = shape.read(value, [], flaws);
  if (flaws.length > 0) throw new ShapeError(flaws);
  return read;
}

/** A shape of one's own: `read` answers undefined for what does not fit. */
export function shape<T>(wants: string, schema: JsonSchema, read: (value: unknown) => T | undefined): Shape<T> {
  return {
    wants,
    schema,
    read(value, path, flaws) {
      const answer = read(value);
      if (answer === undefined) flaws.push({ path, message: `expected ${wants}, not ${show(value)}` });
      return answer as T;
    },
  };
}

export const text: Shape<string> = shape("a text", { type: "string" }, (value) => (typeof value === "string" ? value : undefined));
export const flag: Shape<boolean> = shape("true or false", { type: "boolean" }, (value) =>
  typeof value === "boolean" ? value : undefined,
);
export const anything: Shape<unknown> = { wants: "anything", schema: {}, read: (value) => value };
/** Milliseconds; in what is written, with a unit or without. */
export const duration: Shape<number> = shape('a duration such as "500ms" or "30s"', { type: ["string", "number"] }, (value) =>
  typeof value === "string" || typeof value === "number" ? (parseDuration(value) ?? undefined) : undefined,
);
/** Bytes; in what is written, with a unit or without. */
export const size: Shape<number> = shape('a size such as "512" or "64KiB"', { type: ["string", "number"] }, (value) =>
  typeof value === "string" || typeof value === "number" ? (parseSize(value) ?? undefined) : undefined,
);
export const probability: Shape<number> = number(0, 1);

export function number(min = -Infinity, max = Infinity): Shape<number> {
  return shape(`a number${range(min, max)}`, { type: "number", ...bounds(min, max) }, (value) =>
    typeof value === "number" && value >= min && value <= max ? value : undefined,
  );
}

/** A whole number. */
export function whole(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Shape<number> {
  const [low, high] = [min === Number.MIN_SAFE_INTEGER ? -Infinity : min, max === Number.MAX_SAFE_INTEGER ? Infinity : max];
  return shape(`a whole number${range(low, high)}`, { type: "integer", ...bounds(low, high) }, (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max ? (value as number) : undefined,
  );
}

/** One of these words. */
export function word<const W extends string>(...words: W[]): Shape<W> {
  return {
    wants: words.length === 1 ? words[0]! : `one of ${words.join(", ")}`,
    schema: { enum: words },
    read(value, path, flaws) {
      if (!words.includes(value as W)) {
        const near = typeof value === "string" ? nearest(value, words) : null;
        flaws.push({
          path,
          message: `${show(value)} is not ${words.length === 1 ? words[0] : `one of ${words.join(", ")}`}${near === null ? "" : `: did you mean ${near}?`}`,
          ...(near === null ? {} : { didYouMean: near }),
        });
      }
      return value as W;
    },
  };
}

/** One value or a list of them; always read as a list. */
export function several<T>(of: Shape<T>): Shape<T[]> {
  return {
    wants: `${of.wants}, or a list of these`,
    schema: { anyOf: [of.schema, { type: "array", items: of.schema, minItems: 1 }] },
    read: (value, path, flaws) => (Array.isArray(value) ? list(of, 1).read(value, path, flaws) : [of.read(value, path, flaws)]),
  };
}

export function list<T>(of: Shape<T>, least = 0): Shape<T[]> {
  return {
    wants: `a list, each ${of.wants}`,
    schema: { type: "array", items: of.schema, ...(least > 0 ? { minItems: least } : {}) },
    read(value, path, flaws) {
      if (!Array.isArray(value) || value.length < least) {
        flaws.push({ path, message: Array.isArray(value) ? "the list is empty" : `expected a list, not ${show(value)}` });
        return [];
      }
      return value.map((each, i) => of.read(each, [...path, i], flaws));
    },
  };
}

/** Any keys, each with a value of one shape. */
export function record<T>(of: Shape<T>): Shape<Record<string, T>> {
  return {
    wants: `keys, each with ${of.wants}`,
    schema: { type: "object", additionalProperties: of.schema },
    read(value, path, flaws) {
      if (!isObject(value)) {
        flaws.push({ path, message: `expected an object, not ${show(value)}` });
        return {};
      }
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, of.read(each, [...path, key], flaws)]));
    },
  };
}

/** The first of these that fits. Of an object that fits none, the flaws by the last that takes objects are told. */
export function either<const S extends readonly Shape<any>[]>(...shapes: S): Shape<ValueOf<S[number]>> {
  const wants = shapes.map((one) => one.wants).join(", or ");
  return {
    wants,
    schema: { anyOf: shapes.map((one) => one.schema) },
    read(value, path, flaws) {
      let nearer: Flaw[] | null = null;
      for (const one of shapes) {
        const own: Flaw[] = [];
        const read = one.read(value, path, own);
        if (own.length === 0) return read;
        if (own.some((flaw) => flaw.path.length > path.length) || (isObject(value) && one.schema["type"] === "object")) nearer = own;
      }
      flaws.push(...(nearer ?? [{ path, message: `expected ${wants}, not ${show(value)}` }]));
      return undefined as never;
    },
  };
}

/** A field of `object` that may be left out; `fallback` then is its value. */
export function optional<T>(of: Shape<T>): Shape<T | undefined>;
export function optional<T>(of: Shape<T>, fallback: T): Shape<T>;
export function optional<T>(of: Shape<T>, fallback?: T): Shape<T | undefined> {
  return {
    ...of,
    isOptional: true,
    schema: fallback === undefined ? of.schema : { ...of.schema, default: fallback },
    read: (value, path, flaws) => (value === undefined || value === null ? fallback : of.read(value, path, flaws)),
  };
}

/** An object of these fields and no others. Nothing at all stands for an empty one. */
export function object<const F extends Record<string, Shape<any>>>(
  fields: F,
  refine?: (value: { [K in keyof F]: ValueOf<F[K]> }, flaw: (path: Path, message: string) => void) => void,
): Shape<{ [K in keyof F]: ValueOf<F[K]> }> {
  const known = Object.keys(fields);
  const required = known.filter((key) => fields[key]!.isOptional !== true);
  return {
    wants: known.length === 0 ? "{}" : `{ ${known.map((key) => (required.includes(key) ? key : `${key}?`)).join(", ")} }`,
    schema: {
      type: "object",
      properties: Object.fromEntries(known.map((key) => [key, fields[key]!.schema])),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    },
    read(given, path, flaws) {
      const value = given ?? {};
      const before = flaws.length;
      const read: Record<string, unknown> = {};
      if (!isObject(value)) flaws.push({ path, message: `expected ${this.wants}, not ${show(value)}` });
      else {
        for (const key of Object.keys(value)) {
          if (!known.includes(key)) flaws.push(unknownFlaw([...path, key], `unknown key ${key}`, key, known));
        }
        for (const key of known) {
          const one = value[key];
          if (one === undefined && required.includes(key))
            flaws.push({ path, message: `${key} is missing: expected ${fields[key]!.wants}` });
          else {
            const answer: unknown = fields[key]!.read(one, [...path, key], flaws);
            if (answer !== undefined) read[key] = answer;
          }
        }
      }
      if (flaws.length === before) refine?.(read as never, (at, message) => void flaws.push({ path: [...path, ...at], message }));
      return read as never;
    },
  };
}

/** The flaw of a name that nobody knows: `unknown key topik: did you mean topic?` */
export function unknownFlaw(path: Path, what: string, given: string, known: readonly string[]): Flaw {
  const near = nearest(given, known);
  return { path, message: `${what}: ${suggestion(given, known)}`, ...(near === null ? {} : { didYouMean: near }) };
}

/** So many names can be taken in at a glance. */
const MANY = 16;

/** `did you mean latency?`, or what there is. */
export function suggestion(given: string, known: readonly string[]): string {
  const near = nearest(given, known);
  if (near !== null) return `did you mean ${near}?`;
  if (known.length === 0) return "there is none";
  const few = nearestFew(given, known, MANY);
  const more = few.length < known.length ? ` and ${known.length - few.length} more` : "";
  return `there ${known.length === 1 ? "is" : "are"} ${few.join(", ")}${more}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof RegExp);
}

/** A value in an error, short. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const whole = value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? String(value));
  return whole.length > 60 ? `${whole.slice(0, 59)}…` : whole;
}

function range(min: number, max: number): string {
  if (min === -Infinity) return max === Infinity ? "" : ` up to ${max}`;
  return max === Infinity ? ` from ${min} up` : ` from ${min} to ${max}`;
}

function bounds(min: number, max: number): JsonSchema {
  return { ...(min === -Infinity ? {} : { minimum: min }), ...(max === Infinity ? {} : { maximum: max }) };
}
