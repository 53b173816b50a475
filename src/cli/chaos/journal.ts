import { isEntry, parseJournal, type JournalEntry } from "../../journal/journal.ts";
import { sendAdmin } from "../lib/ask.ts";
import { CommandError } from "../lib/errors.ts";
import { printDone, printJsonLine, printTable } from "../lib/output.ts";
import { target, type Target } from "./rules.ts";

interface Options extends Target {
  rule?: string;
  limit?: number;
  follow?: boolean;
  count?: number;
  output?: string;
}

export async function journal({ rule, limit, follow, count, output, ...options }: Options): Promise<void> {
  const query = new URLSearchParams({ ...(rule === undefined ? {} : { rule }), ...(limit === undefined ? {} : { limit: String(limit) }) });
  if (output?.endsWith(".msgpack")) query.set("format", "msgpack");
  const response = await sendAdmin(target(options), `/api/journal?${query}`);
  if (!response.ok) throw new CommandError(((await response.json()) as { error: string }).error);
  if (output !== undefined) {
    await Bun.write(output, await response.bytes());
    return printDone(`the journal is in ${output}`);
  }
  const entries = parseJournal(await response.text()).filter(isEntry);
  const print = (some: readonly JournalEntry[]): void => (options.json === true ? some.forEach(printJsonLine) : printEntries(some));
  if (follow !== true) return print(entries);
  let left = count ?? Infinity;
  print(entries.slice(0, left));
  left -= entries.length;
  for await (const entry of events(options, entries.at(-1)?.n ?? 0)) {
    if (left <= 0) return;
    if (rule !== undefined && entry.rule !== rule && !entry.rule.startsWith(`${rule}/`)) continue;
    if (options.json === true) printJsonLine(entry);
    else console.log(lineOf(entry).join("  "));
    if (--left <= 0) return;
  }
  throw new CommandError("the connection to havoq has ended");
}

/** What the API sends as it fires, after entry `n`. */
async function* events(options: Target, n: number): AsyncGenerator<JournalEntry> {
  const response = await sendAdmin(target(options), `/api/journal/events?after=${n}`, {}, new AbortController().signal);
  if (!response.ok) throw new CommandError(((await response.json()) as { error: string }).error);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined && !part.startsWith("event: gap")) yield* parseJournal(data).filter(isEntry);
    }
  }
}

function lineOf({ n, at, rule, name, verdict, action, stream, detail, reason }: JournalEntry): (string | number)[] {
  const more = [detail === undefined ? "" : JSON.stringify(detail), reason ?? ""].filter((word) => word !== "").join(" ");
  return [n, `${at} ms`, rule, name, verdict ?? action ?? "", stream, more];
}

function printEntries(entries: readonly JournalEntry[]): void {
  printTable(["N", "AT", "RULE", "WHAT", "VERDICT", "STREAM", "DETAIL"], entries.map(lineOf));
}
