import { expect, test } from "bun:test";
import { allRules, defaultRules } from "../../src/cli/explore/rules.ts";
import faults from "../../src/rules/faults/index.ts";
import { compileRule } from "../../src/rules/compile.ts";
import { registerFaults } from "../../src/rules/rule.ts";

test("every rule that explore draws from fits the grammar, may stay silent, and has a name of its own", () => {
  registerFaults(faults);
  const all = allRules();
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const rule of all) expect(compileRule(rule).rule.optional).toBeTrue();
  for (const protocol of ["kafka", "mqtt", "amqp"]) expect(all.some(({ match }) => match?.protocol === protocol)).toBeTrue();
});

test("a seed always draws the same, seeds together draw all", () => {
  expect(defaultRules(7)).toEqual(defaultRules(7));
  const drawn = new Set(Array.from({ length: 100 }, (_, seed) => defaultRules(seed).map(({ name }) => name)).flat());
  expect(drawn.size).toBe(allRules().length);
});
