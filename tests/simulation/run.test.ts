/**
 * Clients of all three protocols do random things to brokers on which plugins bend everything, in
 * one process, without sockets or a clock that runs; then the chaos ends, and what every client saw
 * is held against what was sent and what the journal tells. HAVOQ_SIM_SEED repeats one run,
 * HAVOQ_SIM_RUNS draws more of them, HAVOQ_SIM_STEPS makes them longer.
 */
import { afterAll, test } from "bun:test";
import { compare, simulate } from "./run.ts";

const SEED = process.env.HAVOQ_SIM_SEED;
const FIRST = SEED === undefined ? 1 : Number(SEED);
const RUNS = SEED === undefined ? Number(process.env.HAVOQ_SIM_RUNS ?? 12) : 1;
const STEPS = Number(process.env.HAVOQ_SIM_STEPS ?? 600);

console.log(`simulation seeds ${FIRST} to ${FIRST + RUNS - 1}`);
afterAll(() => console.log(`simulation seeds ${FIRST} to ${FIRST + RUNS - 1}`));

for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
  test(`seed ${seed}`, async () => {
    try {
      const once = await simulate({ seed, steps: STEPS });
      compare(once, await simulate({ seed, steps: STEPS }));
    } catch (error) {
      console.log(`simulation seed ${seed} failed; HAVOQ_SIM_SEED=${seed} HAVOQ_SIM_STEPS=${STEPS} bun test tests/simulation repeats it`);
      throw error;
    }
  }, 120_000);
}
