import type { JournalEntry, JournalLine, JournalRule } from "../hooks/journal.ts";
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
  private readonly counts = new Map<string, FaultCount>();
  private rules = new Map<string, JournalRule>();

  add(line: JournalLine): void {
    if ("rules" in line) for (const rule of line.rules) this.rules.set(rule.rule, rule);
    if (!("n" in line)) return;
    const kind = kindOf(line, this.rules.get(line.rule));
    const key = keyOf(kind);
    const count = this.counts.get(key);
    if (count === undefined) this.counts.set(key, { ...kind, fired: 1 });
    else count.fired++;
  }

  /** By protocol, operation, fault and error. */
  list(): FaultCount[] {
    return [...this.counts.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, count]) => count);
  }
}

export function keyOf({ protocol, operation, fault, error }: FaultKind): string {
  return [protocol, operation, fault, error ?? ""].join("\0");
}

/** What fired, as people speak of it. */
export function kindOf(entry: JournalEntry, rule?: JournalRule): FaultKind {
  const point = pointOf(entry);
  const operation = point === "request" || point === "response" ? entry.name : point;
  const named = (rule as { fault?: string } | undefined)?.fault;
  const error = entry.verdict === "fail" ? String((entry.detail as { code: unknown }).code) : null;
  return { protocol: entry.protocol, operation, fault: named ?? (error === null ? (entry.action ?? entry.verdict!) : "error"), error };
}

/** The hook point is the last part of a rule's name in the journal: `plugin/point#2`. */
export function pointOf({ rule }: JournalEntry): string {
  return rule.slice(rule.lastIndexOf("/") + 1).replace(/#\d+$/, "");
}

/** `Produce: error NOT_LEADER_OR_FOLLOWER` */
export function describeFault({ operation, fault, error }: FaultKind): string {
  return `${operation}: ${fault}${error === null ? "" : ` ${error}`}`;
}
