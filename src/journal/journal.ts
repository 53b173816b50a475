import type { JournalEntry, JournalRule, JournalWriter } from "../hooks/journal-entry.ts";

export type { JournalEntry, JournalRule } from "../hooks/journal-entry.ts";

/**
 * The lines of a journal: what ran, then what fired. A later `rules` line, `at` milliseconds after the start,
 * follows what came, went or was reloaded.
 */
export type JournalLine = { havoq: string; seed: number; rules: JournalRule[] } | { rules: JournalRule[]; at?: number } | JournalEntry;

/** Not a header, and not a change of rules. */
export function isEntry(line: JournalLine): line is JournalEntry {
  return "n" in line;
}

/** Entries kept in memory; the file, where there is one, holds all. */
const KEPT = 100_000;

/** Every fired verdict, in order. */
export class Journal implements JournalWriter {
  private kept: JournalEntry[] = [];
  private count = 0;
  private readonly started: number;
  private readonly listeners = new Set<(line: JournalLine) => void>();
  private rules: JournalRule[] = [];
  private begun = false;

  constructor(
    readonly version: string,
    readonly seed: number,
    private readonly now: () => number,
  ) {
    this.started = now();
  }

  /** Calls `listener` with every line from now on, the header first. Returns a function that ends it. */
  listen(listener: (line: JournalLine) => void): () => void {
    this.listeners.add(listener);
    listener(this.header());
    return () => this.listeners.delete(listener);
  }

  header(): JournalLine {
    return { havoq: this.version, seed: this.seed, rules: this.rules };
  }

  /** The hooks changed: a plugin came, went or was reloaded. */
  install(rules: JournalRule[]): void {
    this.rules = rules;
    const at = this.begun ? Math.round(this.now() - this.started) : 0;
    for (const listener of this.listeners) listener({ rules, ...(at > 0 ? { at } : {}) });
  }

  /** All is there that is to be there from the start. */
  begin(): void {
    this.begun = true;
  }

  write(entry: Omit<JournalEntry, "n" | "at">): JournalEntry {
    const line: JournalEntry = { n: ++this.count, at: Math.round(this.now() - this.started), ...entry };
    this.kept.push(line);
    if (this.kept.length >= 2 * KEPT) this.kept = this.kept.slice(-KEPT);
    for (const listener of this.listeners) listener(line);
    return line;
  }

  /** The latest entries, oldest first. */
  entries(): readonly JournalEntry[] {
    return this.kept.length > KEPT ? this.kept.slice(-KEPT) : this.kept;
  }

  /** How many fired in all. */
  get fired(): number {
    return this.count;
  }
}

/** One line of a journal file. */
export function formatLine(line: JournalLine): string {
  return JSON.stringify(line, (_key, value) => pack(value));
}

/** A value as it lies in a journal: JSON and nothing else. */
export function toJournal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_key, one) => pack(one)));
}

/** What `toJournal` was given. */
export function fromJournal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (_key, one) => unpack(one));
}

/** Reads a journal file; an error names the line. */
export function parseJournal(text: string): JournalLine[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      const parsed = JSON.parse(line, (_key, value) => unpack(value));
      if (typeof parsed !== "object" || parsed === null) throw new SyntaxError("not a journal line");
      return [parsed as JournalLine];
    } catch (error) {
      throw new SyntaxError(`journal line ${i + 1}: ${(error as Error).message}`);
    }
  });
}

/**
 * The part of a journal that two runs with one seed share, whatever their sockets' timing: without
 * counts and times, ordered by rule, stream and ordinal.
 */
export function canonical(entries: readonly JournalEntry[]): string[] {
  return entries
    .map(({ n: _n, at: _at, ...rest }) => ({ rest, key: [rest.rule, rest.stream, String(rest.ordinal).padStart(12, "0")].join("\0") }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ rest }) => JSON.stringify(rest, (_key, value) => pack(value)));
}

/** JSON has no bytes, big integers or regular expressions: they travel as objects with one `$` key. */
function pack(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof RegExp) return { $regexp: [value.source, value.flags] };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64") };
  // A Buffer's own toJSON runs before this function sees it.
  if (isBufferJson(value)) return { $bytes: Buffer.from(value.data).toString("base64") };
  return value;
}

function isBufferJson(value: unknown): value is { type: "Buffer"; data: number[] } {
  return typeof value === "object" && value !== null && (value as any).type === "Buffer" && Array.isArray((value as any).data);
}

function unpack(value: any): unknown {
  if (typeof value === "object" && value !== null) {
    if (typeof value.$bytes === "string") return Buffer.from(value.$bytes, "base64");
    if (typeof value.$bigint === "string") return BigInt(value.$bigint);
    if (Array.isArray(value.$regexp)) return new RegExp(value.$regexp[0], value.$regexp[1]);
  }
  return value;
}
