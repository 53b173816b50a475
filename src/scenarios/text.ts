import type { Verdict } from "./judge.ts";
import type { ScenarioResult } from "./run.ts";

/** A result for people, a line each. */
export function resultLines({ name, passed, steps, expectations }: ScenarioResult): string[] {
  return [
    `scenario ${name} ${passed ? "passed" : "failed"}`,
    ...steps.map(
      ({ text, status, at, error }) =>
        `  ${status}: ${text}${at === undefined ? "" : ` (${at} ms)`}${error === undefined ? "" : `: ${error}`}`,
    ),
    ...verdictLines(expectations),
  ];
}

export function verdictLines(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ text, passed, detail }) => `  ${passed ? "holds" : "does not hold"}: ${text}: ${detail}`);
}
