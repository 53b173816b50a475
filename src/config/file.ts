import { LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { nearest } from "../core/nearest.ts";
import { schema, type Config } from "./schema.ts";

/** What is wrong with a configuration, each with file and line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads a havoq.yaml; throws `ConfigError` that names file, line, key and the nearest right one. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken !== undefined) throw new ConfigError(`${file}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split("\n")[0]}`);
  const result = schema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => explain(issue, document, lines, file));
  throw new ConfigError(problems.join("\n"));
}

function explain(issue: z.core.$ZodIssue, document: Document, lines: LineCounter, file: string): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const near = nearest(key, known);
      const hint = near === null ? `known keys: ${known.join(", ")}` : `did you mean ${near}?`;
      return `${file}:${lineOf(document, lines, path, true)}: unknown key ${path.join(".")}: ${hint}`;
    });
  }
  return [`${file}:${lineOf(document, lines, issue.path, false)}: ${issue.path.join(".") || "configuration"}: ${issue.message}`];
}

/** The line of a key, or of the deepest part of its path that is there. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[], key: boolean): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true) as { items?: { key?: { value?: unknown; range?: number[] }; value?: { range?: number[] } }[] };
    const pair = parent?.items?.find((item) => String(item.key?.value) === String(path[depth - 1]));
    const range = key || pair?.value?.range == null ? pair?.key?.range : pair.value.range;
    if (range !== undefined) return lines.linePos(range[0]!).line;
  }
  return 1;
}

/** The keys that the schema knows at a path. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let node: any = schema;
  for (const step of path) {
    node = unwrap(node);
    node = node.shape?.[step as string] ?? node.valueType ?? node.element;
  }
  return Object.keys(unwrap(node)?.shape ?? {});
}

function unwrap(node: any): any {
  while (node?.def?.innerType !== undefined) node = node.def.innerType;
  return node;
}
