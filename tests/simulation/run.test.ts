/**
 * Clients of all three protocols do random things to brokers on which plugins bend everything, in
 * one process, without sockets or a clock that runs; then the chaos ends, and what every client saw
 * is held against what was sent and what the journal tells. HAVOQ_SIM_SEED repeats one run,
 * HAVOQ_SIM_RUNS draws more of them, HAVOQ_SIM_STEPS makes them longer.
 */
import { afterAll, expect, test } from "bun:test";
import { compare, compareJournals, simulate } from "./run.ts";

const SEED = process.env.HAVOQ_SIM_SEED;
const FIRST = SEED === undefined ? 1 : Number(SEED);
const RUNS = SEED === undefined ? Number(process.env.HAVOQ_SIM_RUNS ?? 20) : 1;
const STEPS = Number(process.env.HAVOQ_SIM_STEPS ?? 500);
const SEEDS = RUNS === 1 ? `seed ${FIRST}` : `seeds ${FIRST} to ${FIRST + RUNS - 1}`;

let messages = 0,
  verdicts = 0;
console.log(`simulation ${SEEDS}`);
afterAll(() => console.log(`simulation ${SEEDS}: ${messages} messages, ${verdicts} verdicts`));

for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
  test(`seed ${seed}: nothing is lost or doubled without a reason, twice the same, and as its journal tells`, async () => {
    try {
      const once = await simulate({ seed, steps: STEPS });
      compare(once, await simulate({ seed, steps: STEPS }));
      const told = await simulate({ seed, steps: STEPS, isSync: true });
      compareJournals(told, await simulate({ seed, steps: STEPS, isSync: true, replay: told.journal }));
      // A run in which nothing happened would hold every promise.
      expect(once.messages).toBeGreaterThan(STEPS / 10);
      expect(once.verdicts).toBeGreaterThan(STEPS / 20);
      messages += once.messages;
      verdicts += once.verdicts;
    } catch (error) {
      console.log(`simulation seed ${seed} failed: HAVOQ_SIM_SEED=${seed} HAVOQ_SIM_STEPS=${STEPS} bun test tests/simulation`);
      throw error;
    }
  }, 120_000);
}
