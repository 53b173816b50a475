import type { FaultCount } from "./faults.ts";

/** How a rule of the chaos file fared. */
export interface RuleOutcome {
  id: string;
  /** The name of its fault. */
  fault: string;
  /** Events that its match admitted. */
  matched: number;
  fired: number;
  /** An unfired rule that is optional fails nothing. */
  optional: boolean;
}

/** One thing that was expected of the system. */
export interface ExpectationOutcome {
  scenario: string;
  text: string;
  passed: boolean;
  detail: string;
}

/** Something that the oracle found: a lost message, a duplicate, a zombie's commit. */
export interface Finding {
  kind: string;
  text: string;
}

/** A plugin that failed, or could not be loaded. */
export interface PluginOutcome {
  name: string;
  errors: number;
  off: boolean;
  /** What was printed about it, a line each. */
  messages: string[];
}

/** Everything that is worth telling about one run of a command among faults. */
export interface RunReport {
  havoq: string;
  seed: number;
  passed: boolean;
  /** Why it did not pass, a line each; the command's own failure first. */
  failures: string[];
  command: { argv: string[]; exitCode: number; milliseconds: number };
  rules: RuleOutcome[];
  /** Fired faults, by operation. */
  faults: FaultCount[];
  scenarios: { name: string; passed: boolean }[];
  expectations: ExpectationOutcome[];
  /** Null: nobody asked the oracle. */
  oracle: Finding[] | null;
  plugins: PluginOutcome[];
  /** The line that runs the same again. */
  repeat: string;
}
