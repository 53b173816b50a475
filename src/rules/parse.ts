import { parseLocated, SyntaxFlaw, type Located } from "../core/located.ts";
import { flawText, isObject, show, type Path } from "../core/shape.ts";
import { compileRule } from "./compile.ts";
import { RuleError, type Rule, type World } from "./rule.ts";

/** Something wrong in a file of rules. */
export interface RuleFlaw {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From the top of the file. */
  readonly path: Path;
  /** With file, line and key in front. */
  readonly message: string;
}

/**
 * Reads rules from YAML or JSON: a list of them, one alone, or under `chaos:`, beside which other keys are
 * left to whom they concern. Each rule is checked whole, so that what is taken here can be added.
 */
export function parseRules(text: string, file: string, world?: World): { rules: Rule[]; errors: RuleFlaw[] } {
  try {
    return rulesIn(parseLocated(text, file), undefined, world);
  } catch (error) {
    if (!(error instanceof SyntaxFlaw)) throw error;
    return { rules: [], errors: [{ file, line: error.line, path: [], message: error.message }] };
  }
}

/** The same for a file that was read already; `at` leads to the rules. */
export function rulesIn(located: Located, at?: Path, world?: World): { rules: Rule[]; errors: RuleFlaw[] } {
  let { value } = located;
  let path: Path = [];
  for (const step of at ?? (isObject(value) && "chaos" in value ? ["chaos"] : [])) {
    value = (value as Record<string | number, unknown>)?.[step];
    path = [...path, step];
  }
  const { file } = located;
  const errors: RuleFlaw[] = [];
  const flaw = (where: Path, message: string): void => {
    const line = located.lineOf(where);
    errors.push({ file, line, path: where, message: `${file}:${line}: ${flawText({ path: where, message })}` });
  };
  if (value === null || value === undefined) return { rules: [], errors };
  const isOne = isObject(value);
  if (!isOne && !Array.isArray(value)) {
    flaw(path, `expected a list of rules, not ${show(value)}`);
    return { rules: [], errors };
  }
  const rules: Rule[] = [];
  (isOne ? [value] : (value as unknown[])).forEach((one, i) => {
    const where = isOne ? path : [...path, i];
    try {
      if (!isObject(one)) throw new RuleError([{ path: [], message: `expected a rule, not ${show(one)}` }]);
      compileRule(one as Rule, world);
      rules.push(one as Rule);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      for (const each of error.flaws) flaw([...where, ...each.path], each.message);
    }
  });
  return { rules, errors };
}
