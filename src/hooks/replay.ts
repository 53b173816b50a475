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
  private readonly known = new Map<string, JournalRule>();

  constructor(lines: readonly JournalLine[]) {
    let seed: number | null = null;
    for (const line of lines) {
      if ("seed" in line) seed = line.seed;
      if ("rules" in line) for (const rule of line.rules) this.known.set(rule.rule, rule);
      else this.add(line as JournalEntry);
    }
    this.seed = seed;
  }

  private add(entry: JournalEntry): void {
    const key = `${entry.rule}\0${entry.stream}\0${entry.ordinal}`;
    let fate = this.fates.get(key);
    if (fate === undefined) this.fates.set(key, (fate = { actions: [], verdict: null }));
    if (entry.action !== undefined) fate.actions.push(entry);
    else fate.verdict = entry;
  }

  rules(): JournalRule[] {
    return [...this.known.values()];
  }

  /** Stands in for the hook's own function. */
  runner(rule: string, seam: Seam): (event: unknown, at: At) => Verdict | undefined {
    return (_event, at) => {
      const fate = this.fates.get(`${rule}\0${at.stream}\0${at.ordinal}`);
      if (fate === undefined) return undefined;
      for (const { action, detail } of fate.actions) {
        const broker = at.broker as unknown as Record<string, (...args: unknown[]) => unknown>;
        if (typeof broker[action!] !== "function") throw new TypeError(`the journal names an unknown action ${action}`);
        // What failed then fails again: the hook went on, or its failure is in the journal as a verdict that is not there.
        const failed = (error: unknown): void => seam.log(seam.record(rule.split("/")[0]!), [`replay of ${action}: ${error}`]);
        try {
          const done = broker[action!]!(...(detail as unknown[]).map((arg) => arg ?? undefined));
          if (done instanceof Promise) done.catch(failed);
        } catch (error) {
          failed(error);
        }
      }
      return fate.verdict === null ? undefined : revive(fate.verdict, at);
    };
  }
}

function revive({ verdict, detail, reason }: JournalEntry, at: At): Verdict {
  // How long a promise held is all that is known of it.
  if (verdict === "hold") return hold(at.clock.sleep((detail as { ms: number }).ms), reason);
  return { kind: verdict, ...(detail as object | undefined), ...(reason === undefined ? {} : { reason }) } as Verdict;
}
