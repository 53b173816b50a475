import type { JournalEntry, JournalLine, JournalRule } from "../../journal/journal.ts";
import { CLOCK } from "../../journal/replay.ts";

/** What one rule did at one event: a verdict, uses of the control surface before it, or both. */
export interface FiredFault {
  /** A rule's id, or a plugin's name. */
  plugin: string;
  /** Null where no event brought it on, but a moment of the clock. */
  rule: JournalRule | null;
  /** When the hook is asked, among all. */
  place: number;
  stream: string;
  /** Counted from 0 among the events on the stream that the rule's match admitted. */
  ordinal: number;
  /** In order; at most the last one is a verdict. */
  entries: JournalEntry[];
}

/** Those of one hook together, in the order in which the hooks are asked. */
export function byRule(faults: readonly FiredFault[]): FiredFault[][] {
  const groups = new Map<string, FiredFault[]>();
  for (const fault of faults) {
    const name = fault.rule?.rule ?? `${fault.plugin}/${CLOCK}`;
    groups.set(name, [...(groups.get(name) ?? []), fault]);
  }
  return [...groups.values()].sort(([a], [b]) => a!.place - b!.place);
}

/** The faults of a journal in the order in which they fired. */
export function faultsOf(journal: readonly JournalLine[]): FiredFault[] {
  const rules = new Map<string, JournalRule>();
  const faults = new Map<string, FiredFault>();
  for (const line of journal) {
    if ("rules" in line) for (const rule of line.rules) rules.set(rule.rule, rule);
    if (!("n" in line)) continue;
    const key = keyOf(line);
    const fault = faults.get(key);
    const rule = rules.get(line.rule) ?? null;
    if (rule === null && line.stream !== CLOCK) throw new Error(`the journal fires ${line.rule}, of which it does not tell the match`);
    const plugin = line.rule.slice(0, line.rule.lastIndexOf("/"));
    if (fault === undefined)
      faults.set(key, {
        plugin,
        rule,
        place: [...rules.keys()].indexOf(line.rule),
        stream: line.stream,
        ordinal: line.ordinal,
        entries: [line],
      });
    else fault.entries.push(line);
  }
  return [...faults.values()];
}

/** A journal in which only these fired. All rules stay, so that every stream is counted as it was. */
export function journalOf(journal: readonly JournalLine[], faults: readonly FiredFault[]): JournalLine[] {
  const kept = new Set(faults.flatMap(({ entries }) => entries));
  return journal.filter((line) => !("n" in line) || kept.has(line));
}

/** Those of the faults that fired in a replay of them. */
export function firedIn(replayed: readonly JournalLine[], faults: readonly FiredFault[]): FiredFault[] {
  const fired = new Set(replayed.flatMap((line) => ("n" in line ? [keyOf(line)] : [])));
  return faults.filter(({ entries }) => fired.has(keyOf(entries[0]!)));
}

function keyOf({ rule, stream, ordinal }: JournalEntry): string {
  return `${rule}\0${stream}\0${ordinal}`;
}
