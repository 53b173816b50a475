import { hold, type Verdict } from "../hooks/verdicts.ts";
import type { JournalEntry, JournalLine, JournalRule } from "./journal.ts";
import type { At } from "../hooks/plugin.ts";
import type { Seam } from "../hooks/seam.ts";

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
    const key = `${entry.rule}\0${entry.stream}\0${entry.ordinal}`;
    let fate = this.fates.get(key);
    if (fate === undefined) this.fates.set(key, (fate = { actions: [], verdict: null }));
    if (entry.action !== undefined) fate.actions.push(entry);
    else fate.verdict = entry;
  }

  /**
   * The rules in force `ms` after the start; of those that were asked for, the ones that are asked for again, by
   * the names of their plugins.
   */
  rulesAt(ms: number, asked: ReadonlySet<string>): JournalRule[] {
    const stage = this.stages.findLast(({ at }) => at <= ms) ?? this.stages[0]!;
    return [...stage.rules, ...[...this.asked.values()].filter(({ plugin }) => asked.has(plugin))];
  }

  /** When, in milliseconds after the start, other rules come into force. */
  changes(): number[] {
    return this.stages.slice(1).map(({ at }) => at);
  }

  /** Stands in for the hook's own function. */
  runner(rule: string, seam: Seam): (event: unknown, at: At) => Verdict | undefined {
    return (_event, at) => {
      const fate = this.fates.get(`${rule}\0${at.stream}\0${at.ordinal}`);
      if (fate === undefined) return undefined;
      perform(stepsOf(fate.actions), at, (step, error) => seam.log(seam.record(pluginOf(rule)), [`replay of ${step.action}: ${error}`]));
      return fate.verdict === null ? undefined : revive(fate.verdict, at);
    };
  }

  /** Does again, when its time comes, what no event brought on. */
  startClock(seam: Seam): void {
    for (const { actions } of this.fates.values()) {
      const first = actions[0];
      if (first?.stream !== CLOCK) continue;
      const at = seam.atClock(pluginOf(first.rule), first.ordinal);
      const steps = stepsOf(actions).map((step) => ({ ...step, after: step.after + first.at }));
      perform(steps, at, (step, error) => seam.log(seam.record(pluginOf(first.rule)), [`replay of ${step.action}: ${error}`]));
    }
  }
}

/** The stream of what a moment of the clock brought on, and no event. */
export const CLOCK = "clock";

/** A use of the control surface, so many milliseconds after the first of its hook. */
export interface Step {
  action: string;
  args: unknown[];
  after: number;
}

export function stepsOf(actions: readonly JournalEntry[]): Step[] {
  return actions.map(({ action, detail, at }) => ({ action: action!, args: detail as unknown[], after: at - actions[0]!.at }));
}

/** What failed then fails again: the hook went on, or its failure is in the journal as a verdict that is not there. */
export function perform(steps: readonly Step[], at: At, failed: (step: Step, error: unknown) => void): void {
  for (const step of steps) {
    const act = (): void => {
      try {
        const broker = at.broker as unknown as Record<string, (...args: unknown[]) => unknown>;
        if (typeof broker[step.action] !== "function") throw new TypeError(`the control surface has no ${step.action}`);
        const done = broker[step.action]!(...step.args.map((arg) => arg ?? undefined));
        if (done instanceof Promise) done.catch((error) => failed(step, error));
      } catch (error) {
        failed(step, error);
      }
    };
    if (step.after > 0) at.clock.after(step.after, act);
    else act();
  }
}

/** The verdict of a journal's entry. */
export function revive({ verdict, detail, reason }: Pick<JournalEntry, "verdict" | "detail" | "reason">, at: At): Verdict {
  // How long a promise held is all that is known of it.
  if (verdict === "hold") return hold(at.clock.sleep((detail as { ms: number }).ms), reason);
  return { kind: verdict, ...(detail as object | undefined), ...(reason === undefined ? {} : { reason }) } as Verdict;
}

/** A rule's id, or a plugin's name: the hook point follows it. */
function pluginOf(rule: string): string {
  return rule.slice(0, rule.lastIndexOf("/"));
}
