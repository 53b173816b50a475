import { LineCounter, parse, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { nearest } from "../core/nearest.ts";
import { allKeys, namesAt, type Key } from "./keys.ts";
import { schema, type Config } from "./schema.ts";

/** What is wrong with a configuration, each with its place. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** One value that a flag gave. */
export interface Setting {
  /** `kafka.port` */
  key: string;
  value: unknown;
  /** `--kafka-port` */
  from: string;
}

/** What is wrong with a value that the schema takes. */
export interface Problem {
  path: readonly PropertyKey[];
  message: string;
}

export interface Sources {
  text?: string;
  /** What the text is called in errors. */
  file?: string;
  env?: Readonly<Record<string, string | undefined>>;
  settings?: readonly Setting[];
  /** Looks at what the schema took. */
  check?(config: Config): Problem[];
}

export interface Layered {
  config: Config;
  /** Where the value of a key came from: a flag, a variable, `file:line` or `default`. */
  origin(path: readonly string[]): string;
}

/** Short names that variables had first. */
const ALIASES: Readonly<Record<string, string>> = { HAVOQ_PLUGINS: "HAVOQ_PLUGINS_DIR" };
/** Variables of havoq that are no keys but begin like some. */
const OTHERS = ["HAVOQ_ADMIN_URL"];

/**
 * One configuration of all sources: flag over environment over file over default. Throws `ConfigError`
 * that names the place, the key and the nearest right one, for every problem there is.
 */
export function layer({ text = "", file = "havoq.yaml", env = {}, settings = [], check }: Sources): Layered {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken !== undefined) throw new ConfigError(`${file}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split("\n")[0]}`);

  const raw: unknown = document.toJS() ?? {};
  const origins = new Map<string, string>();
  if (isObject(raw)) {
    // A section whose lines are all commented out is an empty one.
    for (const [name, value] of Object.entries(raw)) if (value === null) delete raw[name];
    for (const { key, value, from } of [...fromEnvironment(env), ...settings]) {
      if (put(raw, key.split("."), value)) origins.set(key, from);
    }
  }

  const place = (path: readonly PropertyKey[], key = false): string =>
    originOf(origins, path) ?? `${file}:${lineOf(document, lines, path, key)}`;
  const result = schema.safeParse(raw);
  const problems = result.success
    ? (check?.(result.data) ?? []).map(({ path, message }) => `${place(path)}: ${path.join(".")}: ${message}`)
    : result.error.issues.flatMap((issue) => explain(issue, place));
  if (!result.success || problems.length > 0) throw new ConfigError(problems.join("\n"));
  return {
    config: result.data,
    origin: (path) => originOf(origins, path) ?? (document.hasIn(path) ? place(path, true) : "default"),
  };
}

/** Reads a havoq.yaml alone. */
export function parseConfig(text: string, file: string): Config {
  return layer({ text, file }).config;
}

/** What variables say; one that nearly is a key's is an error. */
function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Setting[] {
  const keys = new Map(allKeys().map((key) => [key.variable, key]));
  return Object.entries(env).flatMap(([name, text]) => {
    if (!name.startsWith("HAVOQ_") || text === undefined || text === "") return [];
    const key = keys.get(ALIASES[name] ?? name);
    if (key !== undefined) return [{ key: key.path.join("."), value: valueOf(key, text, name), from: name }];
    mistyped(name, [...keys.values()]);
    return [];
  });
}

/** Other programs have variables too: only what begins as a section and is nearly one of its keys was meant for us. */
function mistyped(name: string, keys: readonly Key[]): void {
  const section = keys.map(({ path }) => `HAVOQ_${path[0]!.toUpperCase()}_`).find((start) => name.startsWith(start));
  if (section === undefined || OTHERS.includes(name)) return;
  const known = keys.flatMap(({ variable }) => (variable.startsWith(section) ? [variable.slice(section.length)] : []));
  const near = nearest(name.slice(section.length), known);
  if (near !== null) throw new ConfigError(`${name}: no key of havoq.yaml is called so: did you mean ${section}${near}?`);
}

function valueOf({ kind }: Key, text: string, name: string): unknown {
  if (kind === "text") return text;
  if (kind === "list" && !text.startsWith("[")) return text.split(",").map((one) => one.trim());
  try {
    return parse(text);
  } catch (error) {
    throw new ConfigError(`${name}: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** False where something that is no section stands in the way; the schema will say so. */
function put(raw: Record<string, unknown>, path: readonly string[], value: unknown): boolean {
  let at = raw;
  for (const step of path.slice(0, -1)) {
    const next = (at[step] ??= {});
    if (!isObject(next)) return false;
    at = next;
  }
  at[path.at(-1)!] = value;
  return true;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** The flag or variable that set a key, or the one that it lies in. */
function originOf(origins: ReadonlyMap<string, string>, path: readonly PropertyKey[]): string | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const origin = origins.get(path.slice(0, depth).join("."));
    if (origin !== undefined) return origin;
  }
  return undefined;
}

function explain(issue: z.core.$ZodIssue, place: (path: readonly PropertyKey[], key?: boolean) => string): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = namesAt(issue.path);
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const near = nearest(key, known);
      const hint = near === null ? `known keys: ${known.join(", ")}` : `did you mean ${near}?`;
      return `${place(path, true)}: unknown key ${path.join(".")}: ${hint}`;
    });
  }
  return [`${place(issue.path)}: ${issue.path.join(".") || "configuration"}: ${issue.message}`];
}

/** The line of a key, or of the deepest part of its path that is there. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[], key: boolean): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true) as {
      items?: { key?: { value?: unknown; range?: number[] }; value?: { range?: number[] }; range?: number[] }[];
    };
    const step = path[depth - 1];
    if (typeof step === "number" && parent?.items?.[step]?.range !== undefined) return lines.linePos(parent.items[step]!.range![0]!).line;
    const pair = parent?.items?.find((item) => String(item.key?.value) === String(step));
    const range = key || pair?.value?.range == null ? pair?.key?.range : pair.value.range;
    if (range !== undefined) return lines.linePos(range[0]!).line;
  }
  return 1;
}
