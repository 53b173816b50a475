import type { HookPoint } from "./match.ts";
import type { Match, Protocol } from "./plugin.ts";
import type { Run } from "./seam.ts";
import type { Verdict } from "./verdicts.ts";

/** One fired verdict, or one use of the control surface by a hook. */
export interface JournalEntry {
  /** Counted from 1 in the order of firing. */
  n: number;
  /** Milliseconds since the start, by the clock of the broker. */
  at: number;
  /** `plugin/point` and, for all but the first hook of a point, `#index`. */
  rule: string;
  protocol: Protocol;
  /** The operation or destination. */
  name: string;
  stream: string;
  ordinal: number;
  verdict?: Verdict["kind"];
  /** The verdict's own fields, or the action's arguments. */
  detail?: unknown;
  action?: string;
  /** What the plugin gave as its reason. */
  reason?: string;
}

/** A hook as a replay needs to know it: enough to count the same events without the plugin. */
export interface JournalRule {
  rule: string;
  plugin: string;
  point: HookPoint;
  match: Match;
  /** For a rule, the name of its fault or preset. */
  fault?: string;
  /** A rule that somebody added while all ran: a replay has it in force when they add it again. */
  asked?: boolean;
}

/** Where what fires is written down. */
export interface JournalWriter {
  /** These hooks are in force from now on. */
  install(rules: JournalRule[]): void;
  /** Gives the entry its number and its time. */
  write(entry: Omit<JournalEntry, "n" | "at">): JournalEntry;
}

/** A journal given back: what stands in for the hooks. */
export interface ReplaySource<Caller> {
  /** Milliseconds after the start at which rules came or went. */
  changes(): number[];
  /** @param asked names of rules that somebody added meanwhile */
  rulesAt(elapsed: number, asked: ReadonlySet<string>): JournalRule[];
  runner(rule: string, seam: Caller): Run;
}
