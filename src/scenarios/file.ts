import { parseLocated, SyntaxFlaw, type Located } from "../core/located.ts";
import { flawText, isObject, list, unknownFlaw, type Flaw, type Path, type Shape } from "../core/shape.ts";
import type { Rule, World } from "../rules/rule.ts";
import { registerAll } from "../rules/known.ts";
import { rulesIn, type RuleFlaw } from "../rules/parse.ts";
import { expectation, scenarioIn, scenarioOf, type Expectation, type Scenario } from "./grammar.ts";

/** What a chaos file holds. */
export interface ChaosFile {
  readonly rules: readonly Rule[];
  readonly scenarios: readonly Scenario[];
  /** What has to hold at the end, beside what the scenarios expect. */
  readonly expect: readonly Expectation[];
  readonly errors: readonly RuleFlaw[];
}

const KEYS = ["chaos", "scenario", "scenarios", "expect"];

/**
 * Reads a chaos file, YAML or JSON: rules alone, or `chaos:`, `scenario:` or `scenarios:`, and `expect:`. All that
 * is wrong with it is in `errors`, with file, line and key. `expect:` beside one scenario belongs to that scenario.
 * @param world the brokers that rules and control actions may name; without it any
 */
export function parseChaosFile(given: string, file: string, world?: World): ChaosFile {
  registerAll();
  try {
    return read(parseLocated(given, file), world);
  } catch (error) {
    if (!(error instanceof SyntaxFlaw)) throw error;
    return { rules: [], scenarios: [], expect: [], errors: [{ file, line: error.line, path: [], message: error.message }] };
  }
}

function read(located: Located, world?: World): ChaosFile {
  const { value, file, lineOf } = located;
  // A rule alone is an object too: it has a fault or a preset.
  if (!isObject(value) || "fault" in value || "preset" in value) {
    const { rules, errors } = rulesIn(located, undefined, world);
    return { rules, scenarios: [], expect: [], errors };
  }
  const flaws: Flaw[] = Object.keys(value).flatMap((key) =>
    KEYS.includes(key) ? [] : [unknownFlaw([key], `unknown key ${key}`, key, KEYS)],
  );
  const { rules, errors } = "chaos" in value ? rulesIn(located, ["chaos"], world) : { rules: [], errors: [] };
  const scenario = scenarioIn(world);
  const part = <T>(of: Shape<T>, path: Path, one: unknown): T => of.read(one, path, flaws);
  const one = value.scenario === undefined ? [] : [part(scenario, ["scenario"], value.scenario)];
  const more = value.scenarios === undefined ? [] : part(list(scenario), ["scenarios"], value.scenarios);
  const expect = value.expect === undefined ? [] : part(list(expectation), ["expect"], value.expect);
  const told = flaws.map((flaw): RuleFlaw => {
    const line = lineOf(flaw.path);
    return { file, line, path: flaw.path, message: `${file}:${line}: ${flawText(flaw)}` };
  });
  if (errors.length + told.length > 0)
    return { rules, scenarios: [], expect: [], errors: [...errors, ...told].sort((a, b) => a.line - b.line) };
  const all = [...one, ...more];
  if (all.length === 1) return { rules, scenarios: [scenarioOf(all[0]!, expect)], expect: [], errors: [] };
  return { rules, scenarios: all.map((each) => scenarioOf(each)), expect, errors: [] };
}
