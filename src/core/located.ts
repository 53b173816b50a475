import { LineCounter, parseDocument, type Document } from "yaml";
import type { Path } from "./shape.ts";

/** YAML (which JSON is) that was read, with the place of everything in it. */
export interface Located {
  readonly file: string;
  readonly value: unknown;
  /** The line, from 1, of what the path leads to, or of the deepest part of it that is there. */
  lineOf(path: Path): number;
}

/** A text that is no YAML. */
export class SyntaxFlaw extends Error {
  override readonly name = "SyntaxFlaw";
  constructor(
    readonly file: string,
    readonly line: number,
    readonly what: string,
  ) {
    super(`${file}:${line}: ${what}`);
  }
}

/** Throws SyntaxFlaw. */
export function parseLocated(text: string, file: string): Located {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken !== undefined) throw new SyntaxFlaw(file, lines.linePos(broken.pos[0]).line, broken.message.split("\n")[0]!);
  return { file, value: document.toJS(), lineOf: (path) => lineOf(document, lines, path) };
}

interface Node {
  items?: { key?: Node & { value?: unknown }; value?: Node; range?: number[] }[];
  range?: number[];
}

function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node = document.contents as Node | null;
  let at = node?.range?.[0] ?? 0;
  for (const step of path) {
    const { items } = node ?? {};
    const item = typeof step === "number" ? items?.[step] : items?.find(({ key }) => String(key?.value) === step);
    if (item === undefined) break;
    at = item.key?.range?.[0] ?? item.range?.[0] ?? at;
    node = item.key === undefined ? (item as Node) : (item.value ?? null);
  }
  return lines.linePos(at).line;
}
