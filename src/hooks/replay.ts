import { hold, type Verdict } from "./verdicts.ts";
import type { JournalEntry, JournalLine, JournalRule } from "./journal.ts";
import type { At } from "./plugin.ts";
import type { Seam } from "./seam.ts";

interface Fate {
  actions: JournalEntry[];
  verdict: JournalEntry | null;
}

/** A journal given back: the same verdicts for the same rule, stream and ordinal, with no plugin and no draw. */
export class Replay {
  /** The seed of the run that is repeated; null in a journal whose first line is lost. */
  readonly seed: number | null;
  private readonly fates = new Map<string, Fate>();
  /** Which rules were in force from when on; the first from the start. */
  private readonly stages: { at: number; rules: JournalRule[] }[] = [{ at: 0, rules: [] }];
  private readonly entries: JournalEntry[] = [];
  private readonly asked = new Map<string, JournalRule>();

  constructor(lines: readonly JournalLine[]) {
    let seed: number | null = null;
    for (const line of lines) {
      if ("seed" in line) seed = line.seed;
      if ("rules" in line) this.stage(line.rules, "at" in line ? (line.at ?? 0) : 0);
      else this.add(line as JournalEntry);
    }
    this.seed = seed;
  }

  private stage(rules: readonly JournalRule[], at: number): void {
    for (const rule of rules) if (rule.asked === true) this.asked.set(rule.rule, rule);
    const own = rules.filter((rule) => rule.asked !== true);
    const last = this.stages.at(-1)!;
    if (at > last.at) this.stages.push({ at, rules: own });
    // What was there at one time or the other before anything could happen was there from the start.
    else last.rules = [...new Map([...last.rules, ...own].map((rule) => [rule.rule, rule])).values()];
  }

  private add(entry: JournalEntry): void {
    this.entries.push(entry);
    const key = `${entry.rule}\0${entry.stream}\0${entry.ordinal}`;
    let fate = this.fates.get(key);
    if (fate === undefined) this.fates.set(key, (fate = { actions: [], verdict: null }));
    if (entry.action !== undefined) fate.actions.push(entry);
    else fate.verdict = entry;
  }

  /** The rules in force `ms` after the start; of those that were asked for, the ones that are asked for again, by the names of their plugins. */
  rulesAt(ms: number, asked: ReadonlySet<string>): JournalRule[] {
    const stage = this.stages.findLast(({ at }) => at <= ms) ?? this.stages[0]!;
    return [...stage.rules, ...[...this.asked.values()].filter(({ plugin }) => asked.has(plugin))];
  }

  /** When, in milliseconds after the start, other rules come into force. */
  changes(): number[] {
    return this.stages.slice(1).map(({ at }) => at);
  }

  /** What no event brought on: it is done again when the same time has passed. */
  timed(): { entry: JournalEntry; plugin: string }[] {
    return this.entries.flatMap((entry) => (entry.action !== undefined && entry.stream === "clock" ? [{ entry, plugin: entry.rule.slice(0, entry.rule.lastIndexOf("/")) }] : []));
  }

  /** Stands in for the hook's own function. */
  runner(rule: string, seam: Seam): (event: unknown, at: At) => Verdict | undefined {
    return (_event, at) => {
      const fate = this.fates.get(`${rule}\0${at.stream}\0${at.ordinal}`);
      if (fate === undefined) return undefined;
      const first = fate.actions[0]?.at ?? 0;
      for (const entry of fate.actions) {
        // What came later, such as the end of what it did, comes as much later again.
        if (entry.at - first > 1) at.clock.after(entry.at - first, () => this.repeat(entry, at, seam));
        else this.repeat(entry, at, seam);
      }
      return fate.verdict === null ? undefined : revive(fate.verdict, at);
    };
  }

  /** Uses the control surface as it was used then. */
  repeat({ rule, action, detail }: JournalEntry, at: At, seam: Seam): void {
    const broker = at.broker as unknown as Record<string, (...args: unknown[]) => unknown>;
    if (typeof broker[action!] !== "function") throw new TypeError(`the journal names an unknown action ${action}`);
    // What failed then fails again: the hook went on, or its failure is in the journal as a verdict that is not there.
    const failed = (error: unknown): void => seam.log(seam.record(rule.slice(0, rule.lastIndexOf("/"))), [`replay of ${action}: ${error}`]);
    try {
      const done = broker[action!]!(...(detail as unknown[]).map((arg) => arg ?? undefined));
      if (done instanceof Promise) done.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

function revive({ verdict, detail, reason }: JournalEntry, at: At): Verdict {
  // How long a promise held is all that is known of it.
  if (verdict === "hold") return hold(at.clock.sleep((detail as { ms: number }).ms), reason);
  return { kind: verdict, ...(detail as object | undefined), ...(reason === undefined ? {} : { reason }) } as Verdict;
}
