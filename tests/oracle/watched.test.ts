/** A simulation with the oracle looking on: nothing goes another way for it, and its account holds. */
import { expect, test } from "bun:test";
import { Oracle } from "../../src/oracle/oracle.ts";
import { compare, simulate } from "../simulation/run.ts";

const STEPS = 300;

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: watched or not, the same happens, and is told alike twice`, async () => {
    const watched = async () => {
      const oracle = new Oracle(seed);
      return { outcome: await simulate({ seed, steps: STEPS, observer: oracle }), report: oracle.report() };
    };
    const [plain, one, other] = [await simulate({ seed, steps: STEPS }), await watched(), await watched()];
    compare(plain, one.outcome);
    expect(one.report).toEqual(other.report);
    const { totals, findings } = one.report;
    expect(totals.stored).toBeGreaterThan(50);
    expect(totals.delivered).toBeGreaterThanOrEqual(totals.acknowledged);
    expect(findings.length).toBeGreaterThan(0);
  }, 60_000);
}
