/** The grammar of rules as shapes: what checks a rule also describes it as JSON Schema. */
import {
  anything,
  duration,
  either,
  flag,
  flawText,
  isObject,
  number,
  object,
  optional,
  record,
  shape,
  show,
  size,
  suggestion,
  text,
  whole,
  word,
  type Flaw,
  type JsonSchema,
  type Path,
  type Shape,
  type ValueOf,
} from "../core/shape.ts";
import { parseDuration } from "../core/units.ts";
import { sizeRange, parseJsonPath } from "../hooks/payload.ts";
import type { Match, Pattern } from "../hooks/plugin.ts";
import { oneOrMore, pattern, patternOf, protocol, telling, transport } from "../hooks/shapes.ts";
import type { Rule } from "./rule.ts";

const jsonPath = telling("a JSON path such as $.order.items[*].price", { type: "string" }, (value) =>
  typeof value === "string" && parseJsonPath(value) !== null ? value : undefined,
);

const jsonTests: Shape<Record<string, unknown>> = {
  wants: "JSON paths, each with what has to be there",
  schema: { type: "object" },
  read(value, path, flaws) {
    const read = record(anything).read(value, path, flaws);
    for (const key of Object.keys(read)) jsonPath.read(key, [...path, key], flaws);
    return Object.fromEntries(
      Object.entries(read).map(([key, wanted]) => [key, Array.isArray(wanted) ? wanted.map((one) => patternIn(one)) : patternIn(wanted)]),
    );
  },
};

const patternIn = (value: unknown): unknown => (typeof value === "string" ? patternOf(value) : value);

const payload = either(
  telling("a text to be found in it, or /a regular expression/", { type: "string" }, (value) =>
    typeof value === "number" ? undefined : patternOf(value),
  ),
  object(
    {
      contains: optional(text),
      matches: optional(telling("a regular expression", { type: "string" }, expressionOf)),
      json: optional(either(jsonPath, jsonTests)),
    },
    (value, flaw) => {
      if (Object.keys(value).length === 0) flaw([], "expected contains, matches or json");
    },
  ),
);

function expressionOf(value: unknown): RegExp | undefined {
  const read = patternOf(value);
  return typeof read === "string" ? new RegExp(read) : read;
}

const sizeTest = either(
  telling('a size such as "> 1KiB", "1KiB..64KiB" or 100', { type: ["string", "number"] }, (value) => {
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    const { min, max } = sizeRange(value);
    if (max < min) throw new TypeError(`no payload is of at least ${min} and at most ${max} bytes`);
    return value;
  }),
  object({ min: optional(size), max: optional(size) }, ({ min = 0, max }, flaw) => {
    if (max !== undefined && max < min) flaw(["max"], `${max} bytes are less than min, ${min} bytes`);
  }),
);

/** A field that may be left out, but not written without a value: `topic:` and nothing would mean every topic. */
function given<T>(of: Shape<T>): Shape<T | undefined> {
  const { read, ...rest } = optional(of);
  return {
    ...rest,
    read(value, path, flaws) {
      if (value === null) flaws.push({ path, message: `expected ${of.wants}, not nothing` });
      return read(value, path, flaws);
    },
  };
}

const headers: Shape<Record<string, boolean | Pattern>> = (() => {
  const any = record(either(flag, pattern));
  return {
    ...any,
    read(value, path, flaws) {
      if (isObject(value) && Object.keys(value).length === 0)
        flaws.push({ path, message: "expected the names of headers, each with a pattern" });
      return any.read(value, path, flaws);
    },
  };
})();

/** The fields of a match. */
export const match = object({
  protocol: given(oneOrMore(protocol)),
  operation: given(pattern),
  direction: given(word("in", "out")),
  client: given(pattern),
  user: given(pattern),
  connection: given(oneOrMore(whole(1))),
  transport: given(transport),
  broker: given(oneOrMore(whole(0))),
  topic: given(pattern),
  exchange: given(pattern),
  queue: given(pattern),
  address: given(pattern),
  routingKey: given(pattern),
  partition: given(oneOrMore(whole(0))),
  group: given(pattern),
  key: given(pattern),
  header: given(headers),
  payload: given(payload),
  size: given(sizeTest),
});

/** Something that happens, as it is read. */
export type MomentRead = {
  messages?: number | undefined;
  time?: number | undefined;
  offset?: number | undefined;
  rule?: string | undefined;
  event?: string | undefined;
  match?: Match | undefined;
  times: number;
};

const momentFields = object(
  {
    messages: optional(whole(0)),
    time: optional(duration),
    offset: optional(whole(0)),
    rule: optional(text),
    event: optional(text),
    match: optional(match as Shape<Match>),
    connect: optional(pattern),
    disconnect: optional(pattern),
    times: optional(whole(1), 1),
  },
  (value, flaw) => {
    const named = Object.entries(value).filter(([key, one]) => key !== "times" && one !== undefined).length;
    if (named !== 1)
      flaw([], `expected one of messages, time, offset, rule, event, match, connect, disconnect, not ${named === 0 ? "none" : "several"}`);
  },
);

const COUNT = /^\s*(\d+)\s*(?:messages?|times?|operations?|matches|match)?\s*$/;

/** Watches for clients that come and go are matches at these hooks. */
export const COMINGS = new WeakMap<object, "connect" | "disconnect">();

const moment: Shape<MomentRead> = {
  wants: 'a moment such as "5s", "100 messages" or { rule: NAME }',
  schema: { anyOf: [{ type: ["string", "number"] }, momentFields.schema] },
  read(value, path, flaws) {
    if (isObject(value)) {
      const { connect, disconnect, ...rest } = momentFields.read(value, path, flaws);
      if (connect === undefined && disconnect === undefined) return rest as MomentRead;
      const watched: Match = { client: connect ?? disconnect! };
      COMINGS.set(watched, connect === undefined ? "disconnect" : "connect");
      return { ...rest, match: watched } as MomentRead;
    }
    const count = typeof value === "number" ? value : Number(COUNT.exec(String(value))?.[1] ?? NaN);
    if (Number.isSafeInteger(count) && count >= 0) return { messages: count, times: 1 };
    const time = typeof value === "string" ? parseDuration(value) : null;
    if (time === null) flaws.push({ path, message: `expected ${moment.wants}, not ${show(value)}` });
    return { time: time ?? 0, times: 1 };
  },
};

const window: Shape<{ from?: MomentRead | undefined; to?: MomentRead | undefined }> = {
  wants: "two moments: [from, to]",
  schema: {
    anyOf: [
      { type: "array", items: moment.schema, minItems: 2, maxItems: 2 },
      { type: "object", properties: { from: moment.schema, to: moment.schema }, additionalProperties: false },
    ],
  },
  read(value, path, flaws) {
    if (!Array.isArray(value)) return object({ from: optional(moment), to: optional(moment) }).read(value, path, flaws);
    if (value.length !== 2) flaws.push({ path, message: `expected two moments, not ${value.length}` });
    return { from: moment.read(value[0], [...path, 0], flaws), to: moment.read(value[1], [...path, 1], flaws) };
  },
};

/** Each n-th time, or once in so many milliseconds. */
const every: Shape<{ count: number } | { ms: number }> = shape(
  'a count such as 10, or a duration such as "10s"',
  { type: ["string", "number"] },
  (value) => {
    if (typeof value === "number") return Number.isSafeInteger(value) && value >= 1 ? { count: value } : undefined;
    const ms = typeof value === "string" && /[a-z]\s*$/i.test(value) ? parseDuration(value) : null;
    return ms === null || ms <= 0 ? undefined : { ms };
  },
);

export const PER = ["connection", "client", "key", "topic", "partition", "stream"] as const;

export const when = object(
  {
    always: optional(flag, false),
    once: optional(flag, false),
    nth: optional(oneOrMore(whole(1))),
    every: optional(every),
    times: optional(whole(1)),
    probability: optional(number(0, 1)),
    after: optional(moment),
    until: optional(moment),
    window: optional(window),
    stream: optional(oneOrMore(text)),
    per: optional(word(...PER)),
  },
  ({ always, once, times, nth, every, probability, window, after, until }, flaw) => {
    const [from, to] = [after ?? window?.from, until ?? window?.to];
    for (const unit of ["time", "messages", "offset"] as const) {
      if (from?.[unit] !== undefined && to?.[unit] !== undefined && to[unit]! <= from[unit]!)
        flaw(window === undefined ? ["until"] : ["window"], "it is over before it begins");
    }
    if (once && times !== undefined) flaw(["times"], "once is times: 1 already");
    if (always && (once || times !== undefined || nth !== undefined || every !== undefined || probability !== undefined))
      flaw(["always"], "always goes with after, until and window only");
    if (nth !== undefined && every !== undefined) flaw(["every"], "either nth or every");
    if (window !== undefined && (after !== undefined || until !== undefined)) flaw(["window"], "window is after and until already");
  },
);

export type WhenRead = ValueOf<typeof when>;

/** `{ name: options }`, or the name alone. */
const chosen: Shape<{ name: string; options: unknown }> = {
  wants: "a name with its options, such as { drop: {} }",
  schema: { anyOf: [{ type: "string" }, { type: "object", minProperties: 1, maxProperties: 1 }] },
  read(value, path, flaws) {
    if (typeof value === "string") return { name: value, options: {} };
    const [name, ...more] = isObject(value) ? Object.keys(value) : [];
    if (name === undefined || more.length > 0) {
      flaws.push({
        path,
        message: `${path.at(-1)} takes one ${path.at(-1)}'s name with its options, such as ${path.at(-1) === "fault" ? "{ drop: {} }" : "{ rolling-upgrade: {} }"}`,
      });
      return { name: "", options: {} };
    }
    return { name, options: (value as Record<string, unknown>)[name] ?? {} };
  },
};

const fields = object(
  {
    name: optional(
      shape("a name", { type: "string", minLength: 1 }, (value) => (typeof value === "string" && value.trim() !== "" ? value : undefined)),
    ),
    description: optional(text),
    enabled: optional(flag, true),
    optional: optional(flag, false),
    match: optional(match as Shape<Match>, {}),
    when: optional(when),
    for: optional(duration),
    fault: optional(chosen),
    preset: optional(chosen),
  },
  ({ fault, preset, for: lasts }, flaw) => {
    if (lasts === 0) flaw(["for"], "it is over before it begins");
    if (fault === undefined && preset === undefined)
      flaw([], "fault is missing: expected one fault's name with its options, such as { drop: {} }");
    if (fault !== undefined && preset !== undefined) flaw(["preset"], "either fault or preset");
  },
);

export type RuleRead = ValueOf<typeof fields>;

/** A rule with its defaults filled in, its fault still unread. */
export function readRule(given: Rule, flaws: Flaw[]): RuleRead {
  return fields.read(given, [], flaws);
}

/**
 * `Rule`, and what its schema refers to, for OpenAPI and for editors. @param faults and presets: the schemas of their
 * options, by name. @param at where the definitions will lie, such as `#/definitions/`
 */
export function ruleDefinitions(
  faults: Record<string, JsonSchema>,
  presets: Record<string, JsonSchema>,
  at: string,
): Record<string, JsonSchema> {
  const choice = (schemas: Record<string, JsonSchema>): JsonSchema => ({
    anyOf: [
      { enum: Object.keys(schemas) },
      { type: "object", minProperties: 1, maxProperties: 1, properties: schemas, additionalProperties: false },
    ],
  });
  const { properties } = fields.schema as { properties: Record<string, JsonSchema> };
  const rule = { ...fields.schema, properties: { ...properties, match: match.schema, fault: choice(faults), preset: choice(presets) } };
  const whole: Record<string, JsonSchema> = { Rule: rule, Match: match.schema, Moment: moment.schema, Pattern: pattern.schema };
  const names = new Map<unknown, string>(Object.entries(whole).map(([name, schema]) => [schema, name]));
  const within = (node: unknown): unknown =>
    Array.isArray(node)
      ? node.map(referring)
      : isObject(node)
        ? Object.fromEntries(Object.entries(node).map(([key, one]) => [key, referring(one)]))
        : node;
  const referring = (node: unknown): unknown => (names.has(node) ? { $ref: `${at}${names.get(node)}` } : within(node));
  return Object.fromEntries(Object.entries(whole).map(([name, schema]) => [name, within(schema) as JsonSchema]));
}

export { flawText, suggestion, type Flaw, type Path };
