import { placeOf } from "../core/located.ts";
import { flawText } from "../core/shape.ts";
import { RuleError, type Rule } from "../hooks/rule.ts";
import type { Rules } from "./rules.ts";

/** Puts the rules of a configuration in force. What is wrong with any of them stops the start, with file and line. */
export function addRules(rules: Rules, given: readonly unknown[]): void {
  const problems: string[] = [];
  given.forEach((rule, i) => {
    try {
      rules.add(rule as Rule, { source: "file" });
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      for (const flaw of error.flaws) {
        const place = placeOf(rule, flaw.path);
        problems.push(`${place === null ? "" : `${place.file}:${place.line}: `}${flawText({ path: ["chaos", i, ...flaw.path], message: flaw.message })}`);
      }
    }
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
