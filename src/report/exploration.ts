import { describeFault, keyOf, type FaultCount, type FaultKind } from "./faults.ts";
import type { RunReport } from "./report.ts";

/** How the system fared with one kind of fault at one operation. */
export interface FaultOutcome extends FaultCount {
  /** Runs in which it fired. */
  runs: number;
  survived: number;
  failed: number;
}

export interface SeedOutcome {
  seed: number;
  passed: boolean;
  milliseconds: number;
  failures: string[];
  faults: FaultKind[];
  /** The line that runs this seed again. */
  repeat: string;
  /** The line that looks for the smallest set of its faults. */
  shrink: string;
}

/** What many runs came to. */
export interface Exploration {
  havoq: string;
  command: string[];
  runs: number;
  passed: number;
  faults: FaultOutcome[];
  seeds: SeedOutcome[];
}

/** Adds runs up, by operation and error: what broke most comes first. */
export class Outcomes {
  private readonly all = new Map<string, FaultOutcome>();

  add({ faults, command }: RunReport): void {
    for (const fault of faults) {
      let outcome = this.all.get(keyOf(fault));
      if (outcome === undefined) this.all.set(keyOf(fault), (outcome = { ...fault, fired: 0, runs: 0, survived: 0, failed: 0 }));
      outcome.fired += fault.fired;
      outcome.runs++;
      if (command.exitCode === 0) outcome.survived++;
      else outcome.failed++;
    }
  }

  list(): FaultOutcome[] {
    const share = ({ failed, runs }: FaultOutcome): number => failed / runs;
    return [...this.all.values()].sort((a, b) => share(b) - share(a) || b.failed - a.failed || (keyOf(a) < keyOf(b) ? -1 : 1));
  }
}

export const HEAD = ["protocol", "operation", "fault", "error", "fired", "runs", "survived", "failed"];

export function rowOf({ protocol, operation, fault, error, fired, runs, survived, failed }: FaultOutcome): (string | number)[] {
  return [protocol, operation, fault, error ?? "", fired, runs, survived, failed];
}

export function faultWords(faults: readonly FaultKind[]): string {
  return faults.map((fault) => `${fault.protocol} ${describeFault(fault)}`).join("; ");
}
