import type { JournalEntry, JournalLine } from "../journal/journal.ts";
import type { Protocol } from "../hooks/plugin.ts";

/** A kind of fault at one operation. */
export interface FaultKind {
  protocol: Protocol;
  /** `Produce`, `PUBLISH`, `basic.publish`; for hooks that see no operation the hook point: `message`, `delivery`, `connect`. */
  operation: string;
  /** The fault that the rule names, else the verdict or the use of the control surface. */
  fault: string;
  /** The protocol's own error, where one was answered. */
  error: string | null;
}

export interface FaultCount extends FaultKind {
  fired: number;
}

/** Counts the fired faults of a journal by operation, line by line. */
export class FaultCounts {
  private readonly counts = new Map<string, { entry: JournalEntry; fired: number }>();
  private readonly named = new Map<string, string>();

  add(line: JournalLine): void {
    if ("rules" in line) for (const [rule, fault] of faultsNamed(line)) this.named.set(rule, fault);
    if (!("n" in line)) return;
    const key = `${pluginOf(line)}\0${keyOf(kindOf(line))}`;
    const count = this.counts.get(key);
    if (count === undefined) this.counts.set(key, { entry: line, fired: 1 });
    else count.fired++;
  }

  /** By protocol, operation, fault and error. `faults` tells the fault of each rule; else the journal does. */
  list(faults: ReadonlyMap<string, string>): FaultCount[] {
    const all = new Map<string, FaultCount>();
    const names = new Map([...this.named, ...faults]);
    for (const { entry, fired } of this.counts.values()) {
      const kind = kindOf(entry, names);
      const count = all.get(keyOf(kind));
      if (count === undefined) all.set(keyOf(kind), { ...kind, fired });
      else count.fired += fired;
    }
    return [...all.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, count]) => count);
  }
}

export function keyOf({ protocol, operation, fault, error }: FaultKind): string {
  return [protocol, operation, fault, error ?? ""].join("\0");
}

/** What fired, as people speak of it. */
export function kindOf(entry: JournalEntry, faults?: ReadonlyMap<string, string>): FaultKind {
  const point = pointOf(entry);
  const operation = point === "request" || point === "response" ? entry.name : point;
  const named = faults?.get(pluginOf(entry));
  const error = entry.verdict === "fail" ? String((entry.detail as { code: unknown }).code) : null;
  return { protocol: entry.protocol, operation, fault: named ?? (error === null ? (entry.action ?? entry.verdict!) : "error"), error };
}

/** The faults of the rules that a line puts in force, by their ids. */
export function faultsNamed(line: JournalLine): [string, string][] {
  return "rules" in line
    ? line.rules.flatMap(({ plugin, fault }): [string, string][] => (fault === undefined ? [] : [[plugin, fault]]))
    : [];
}

/** A rule's id, or a plugin's name. */
function pluginOf({ rule }: JournalEntry): string {
  return rule.slice(0, rule.lastIndexOf("/"));
}

/** The hook point is the last part of a rule's name in the journal: `plugin/point#2`. */
export function pointOf({ rule }: JournalEntry): string {
  return rule.slice(rule.lastIndexOf("/") + 1).replace(/#\d+$/, "");
}

/** `Produce: error NOT_LEADER_OR_FOLLOWER` */
export function describeFault({ operation, fault, error }: FaultKind): string {
  return `${operation}: ${fault}${error === null ? "" : ` ${error}`}`;
}
