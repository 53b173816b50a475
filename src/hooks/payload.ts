import { parseSize } from "../core/units.ts";
import { compilePattern } from "./match.ts";
import type { AnyMessage, Match, PayloadPattern } from "./plugin.ts";

type Test = (message: AnyMessage) => boolean;

/** The part of a match that has to look into a message, the cheapest first; null where there is none. */
export function compileContent({ header, payload, size }: Match): Test | null {
  const tests: Test[] = [];
  if (size !== undefined) {
    const { min, max } = sizeRange(size);
    tests.push((message) => message.payload.length >= min && message.payload.length <= max);
  }
  if (header !== undefined) tests.push(compileHeaders(header));
  if (payload !== undefined) tests.push(...compilePayload(payload));
  if (tests.length === 0) return null;
  return tests.length === 1 ? tests[0]! : (message) => tests.every((test) => test(message));
}

function compileHeaders(header: NonNullable<Match["header"]>): Test {
  const wanted = Object.entries(header).map(([name, pattern]) => {
    const test = compilePattern(typeof pattern === "number" || typeof pattern === "boolean" ? String(pattern) : pattern, false);
    return { name, test };
  });
  return ({ headers }) =>
    wanted.every(({ name, test }) => {
      const value = headers[name];
      if (value === undefined) return false;
      return Array.isArray(value) ? value.some((one) => test(textOf(one))) : test(textOf(value));
    });
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString();
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function compilePayload(payload: PayloadPattern): Test[] {
  if (typeof payload === "string") payload = { contains: payload };
  else if (payload instanceof RegExp) payload = { matches: payload };
  const tests: Test[] = [];
  const { contains, matches, json } = payload;
  // In bytes: what is not text is looked through as well, and nothing is decoded.
  if (contains !== undefined) tests.push((message) => message.payload.includes(contains));
  if (matches !== undefined) {
    const test = compilePattern(typeof matches === "string" ? new RegExp(matches) : matches, false);
    tests.push((message) => test(message.text()));
  }
  if (json !== undefined) {
    const paths =
      typeof json === "string" ? [compileJson(json, undefined)] : Object.entries(json).map(([path, wanted]) => compileJson(path, wanted));
    tests.push((message) => {
      const value: unknown = message.json();
      return value !== undefined && paths.every((test) => test(value));
    });
  }
  return tests;
}

function compileJson(path: string, wanted: unknown): (value: unknown) => boolean {
  const steps = parseJsonPath(path);
  if (steps === null) throw new TypeError(`${path} is no JSON path, such as $.order.items[*].price`);
  const test = wanted === undefined ? () => true : compileValue(wanted);
  return (value) => finds(value, steps, 0, test);
}

type Step = string | number | "*" | typeof DEEP;
const DEEP: unique symbol = Symbol("..");

/** `$.a.b[0]['c d'].*..e` as its steps, the `$` may be left out; null when it is none. */
export function parseJsonPath(path: string): Step[] | null {
  const steps: Step[] = [];
  const step = /\.\.|\.?([\w$-]+|\*)|\[(?:(\d+|\*)|'([^']*)'|"([^"]*)")\]|\./y;
  step.lastIndex = /^\$(?=[.[]|$)/.test(path) ? 1 : 0;
  while (step.lastIndex < path.length) {
    const found = step.exec(path);
    if (found === null || found[0] === ".") return null;
    const [whole, name, index, single, double] = found;
    if (whole === "..") steps.push(DEEP);
    else if (index !== undefined) steps.push(index === "*" ? "*" : Number(index));
    else steps.push(name ?? single ?? double!);
  }
  return steps.at(-1) === DEEP ? null : steps;
}

function finds(value: unknown, steps: readonly Step[], i: number, test: (value: unknown) => boolean): boolean {
  if (i === steps.length) return test(value);
  if (typeof value !== "object" || value === null) return false;
  const step = steps[i]!;
  if (step === DEEP) return finds(value, steps, i + 1, test) || Object.values(value).some((one) => finds(one, steps, i, test));
  if (step === "*") return Object.values(value).some((one) => finds(one, steps, i + 1, test));
  return Object.hasOwn(value, step) && finds((value as Record<string | number, unknown>)[step], steps, i + 1, test);
}

const COMPARISON = /^\s*(>=|<=|>|<|==|!=)\s*(-?\d+(?:\.\d+)?)\s*$/;

function compileValue(wanted: unknown): (value: unknown) => boolean {
  if (Array.isArray(wanted)) {
    const tests = wanted.map(compileValue);
    return (value) => tests.some((test) => test(value));
  }
  const comparison = typeof wanted === "string" ? COMPARISON.exec(wanted) : null;
  if (comparison !== null) {
    const [, sign, text] = comparison;
    const limit = Number(text);
    return (value) => typeof value === "number" && compare(value, sign!, limit);
  }
  if (typeof wanted === "string" || wanted instanceof RegExp) {
    const test = compilePattern(wanted, false);
    return (value) => (typeof value === "string" || typeof value === "number" || typeof value === "boolean") && test(String(value));
  }
  return (value) => Bun.deepEquals(value, wanted);
}

function compare(value: number, sign: string, limit: number): boolean {
  switch (sign) {
    case ">":
      return value > limit;
    case "<":
      return value < limit;
    case ">=":
      return value >= limit;
    case "<=":
      return value <= limit;
    case "==":
      return value === limit;
    default:
      return value !== limit;
  }
}

/** The sizes that are meant, both included. Throws TypeError for what says none. */
export function sizeRange(size: NonNullable<Match["size"]>): { min: number; max: number } {
  const bytes = (text: string | number): number => {
    const parsed = parseSize(text);
    if (parsed === null) throw new TypeError(`${text} is no size such as 512 or 64KiB`);
    return parsed;
  };
  if (typeof size === "object")
    return { min: size.min === undefined ? 0 : bytes(size.min), max: size.max === undefined ? Infinity : bytes(size.max) };
  if (typeof size === "number") return { min: size, max: size };
  const [from, to] = size.split("..");
  if (to !== undefined) return { min: bytes(from!), max: bytes(to) };
  const sign = /^\s*(>=|<=|>|<)/.exec(size)?.[1] ?? "";
  const limit = bytes(size.trim().slice(sign.length).trim());
  switch (sign) {
    case ">":
      return { min: limit + 1, max: Infinity };
    case ">=":
      return { min: limit, max: Infinity };
    case "<":
      return { min: 0, max: limit - 1 };
    case "<=":
      return { min: 0, max: limit };
    default:
      return { min: limit, max: limit };
  }
}
