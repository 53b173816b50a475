import { nearest } from "../core/nearest.ts";
import { HOOK_POINTS, MATCH_KEYS } from "./match.ts";
import type { Plugin } from "./plugin.ts";

/** What is wrong with a plugin's shape, and the word in its source where the author finds it. */
export interface Misfit {
  readonly message: string;
  /** Words in the order in which they follow each other in the source; the place is that of the last. */
  readonly words: readonly string[];
}

const PROTOCOLS = ["kafka", "mqtt", "amqp"];
const TRANSPORTS = ["tcp", "tls", "websocket", "memory"];

/** Checks what a plugin file exports, as far as that can be seen without calling its hooks. */
export function misfitsOf(plugin: unknown): Misfit[] {
  if (typeof plugin !== "object" || plugin === null || Array.isArray(plugin) || plugin instanceof Promise) {
    return [{ message: `the default export is ${kindOf(plugin)}, not a plugin: export default definePlugin({ … })`, words: ["default"] }];
  }
  const found: Misfit[] = [];
  const known: readonly string[] = ["name", ...HOOK_POINTS];
  for (const [key, value] of Object.entries(plugin)) {
    if (!known.includes(key)) found.push({ message: unknown("hook", key, known), words: [key] });
    else if (key === "name") {
      if (typeof value !== "string" || value === "") found.push({ message: `name is ${kindOf(value)}, not a word`, words: [key] });
    } else if (value !== undefined) found.push(...(Array.isArray(value) ? value : [value]).flatMap((hook) => hookMisfits(key, hook)));
  }
  if (found.length === 0 && HOOK_POINTS.every((point) => (plugin as Plugin)[point] === undefined)) {
    found.push({ message: `the plugin has no hook: ${HOOK_POINTS.join(", ")}`, words: ["default"] });
  }
  return found;
}

function hookMisfits(point: string, hook: unknown): Misfit[] {
  if (typeof hook === "function") return [];
  if (typeof hook !== "object" || hook === null)
    return [{ message: `${point} is ${kindOf(hook)}, not a function or { match, run }`, words: [point] }];
  const found: Misfit[] = [];
  for (const key of Object.keys(hook)) {
    if (key !== "match" && key !== "run") found.push({ message: unknown(`key in ${point}`, key, ["match", "run"]), words: [point, key] });
  }
  const { match, run } = hook as { match?: unknown; run?: unknown };
  if (typeof run !== "function" && found.length === 0) found.push({ message: `${point} has no function run`, words: [point] });
  if (match === undefined) return found;
  if (typeof match !== "object" || match === null)
    return [...found, { message: `match of ${point} is ${kindOf(match)}, not an object`, words: [point, "match"] }];
  for (const [key, value] of Object.entries(match)) {
    const words = [point, "match", key];
    if (!(MATCH_KEYS as readonly string[]).includes(key))
      found.push({ message: unknown(`key in match of ${point}`, key, MATCH_KEYS), words });
    else {
      const wrong = value === undefined ? null : valueMisfit(key, value);
      if (wrong !== null) found.push({ message: `${key} in match of ${point} ${wrong}`, words });
    }
  }
  return found;
}

function valueMisfit(key: string, value: unknown): string | null {
  const values = Array.isArray(value) ? value : [value];
  const one = (allowed: readonly string[]): string | null => {
    const bad = values.find((each) => !allowed.includes(each as string));
    if (bad === undefined) return null;
    const near = typeof bad === "string" ? nearest(bad, allowed) : null;
    return `is ${show(bad)}, not one of ${allowed.join(", ")}${near === null ? "" : `: did you mean ${near}?`}`;
  };
  if (values.length === 0) return "is an empty list: it would match nothing";
  switch (key) {
    case "protocol":
      return one(PROTOCOLS);
    case "transport":
      return Array.isArray(value) ? "is a list, not one word" : one(TRANSPORTS);
    case "direction":
      return Array.isArray(value) ? "is a list, not one word" : one(["in", "out"]);
    case "partition":
    case "broker": {
      const bad = values.find((each) => !Number.isInteger(each));
      return bad === undefined ? null : `is ${show(bad)}, not a whole number`;
    }
    default: {
      const bad = values.find((each) => typeof each !== "string" && !(each instanceof RegExp));
      return bad === undefined ? null : `is ${show(bad)}, not a word or a regular expression`;
    }
  }
}

function unknown(what: string, word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return `unknown ${what}: ${word}; ${near === null ? `known are ${known.join(", ")}` : `did you mean ${near}?`}`;
}

function show(value: unknown): string {
  return Bun.inspect(value).split("\n")[0]!.slice(0, 60);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (value instanceof Promise) return "a promise";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Where the words follow each other in a source text: line and column from 1; null when they don't. */
export function findWords(text: string, words: readonly string[]): { line: number; column: number; text: string } | null {
  let at = 0;
  let index = -1;
  for (const word of words) {
    // As a key, quoted or not, or as what follows `export`.
    const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const match = new RegExp(`(?<![\\w$.])(["']?)${escaped}\\1(?=\\s*[:(,}])|\\bexport\\s+${escaped}(?![\\w$])`).exec(text.slice(at));
    if (match === null) return null;
    index = at + match.index;
    at = index + match[0].length;
  }
  const before = text.slice(0, index).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1, text: text.split("\n")[before.length - 1]! };
}
