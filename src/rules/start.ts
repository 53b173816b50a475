import type { Flaw } from "../core/shape.ts";
import { compileRule } from "./compile.ts";
import { RuleError, type Rule, type World } from "./rule.ts";
import { registerAll } from "./known.ts";

/** What is wrong with the rules of a configuration. */
export function chaosProblems(given: readonly unknown[], world: World): { path: (string | number)[]; message: string }[] {
  registerAll();
  return given.flatMap((rule, i): { path: (string | number)[]; message: string }[] => {
    try {
      compileRule(rule as Rule, world);
      return [];
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      return error.flaws.map(({ path, message }: Flaw) => ({ path: ["chaos", i, ...path], message }));
    }
  });
}
