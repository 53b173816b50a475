/**
 * examples/payments, a service with a planted bug: found by explore, shrunk to one fault, repeated by the replay,
 * gone in the repaired service.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { freshFolder, havoq, root, type Outcome } from "./binary.ts";

const LONG = 300_000;
const cwd = freshFolder();
const service = ["node", "payments/test.mjs"];
const repaired = [...service, "fixed"];
/** Fewer than a user would take; with the seeds from 15 on a lost acknowledgement is among them. */
const SEEDS = ["--runs", "6", "--seed", "15", "--timeout", "30s"];

beforeAll(() => {
  cpSync(join(root, "examples/payments"), join(cwd, "payments"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"));
});

describe("a service that is not idempotent under a lost acknowledgement", () => {
  let exploring: Promise<Outcome> | null = null;
  const explored = () =>
    (exploring ??= havoq(["explore", ...SEEDS, "--json", "--report", "seeds.xml", "--report", "seeds.md", "--", ...service], { cwd }));
  /** A run that failed, and no fault but the lost acknowledgement can be to blame. */
  const lost = async (): Promise<{ seed: number; repeat: string }> =>
    JSON.parse((await explored()).stdout).seeds.find(
      (one: any) =>
        !one.passed &&
        one.faults.some((fault: any) => fault.fault === "lose-answer") &&
        one.faults.every((fault: any) => fault.fault !== "duplicate"),
    );

  test(
    "explore finds it",
    async () => {
      const { code, stdout } = await explored();
      expect(code).toBe(1);
      const { seeds, faults, runs, passed } = JSON.parse(stdout);
      expect([runs, seeds.length, passed]).toEqual([6, 6, seeds.filter((one: any) => one.passed).length]);
      expect(passed).toBeGreaterThan(0);
      const guilty = faults.find((one: any) => one.operation === "Produce" && one.fault === "lose-answer");
      expect([guilty.survived, guilty.failed > 0]).toEqual([0, true]);
      const { seed, repeat } = await lost();
      expect(repeat).toEndWith(`explore --runs 1 --timeout 30s --seed ${seed} -- node payments/test.mjs`);
      expect(await Bun.file(join(cwd, "seeds.xml")).text()).toContain(`failures="${6 - passed}"`);
      expect(await Bun.file(join(cwd, "seeds.md")).text()).toContain("| kafka | `Produce` | `lose-answer` |");
      const again = await havoq(["explore", "--runs", "1", "--seed", String(seed), "--", ...service], { cwd });
      expect(again.code).toBe(1);
    },
    LONG,
  );

  test(
    "shrink ends at one fault, and writes it as a rule that breaks it every time, and the repaired service not",
    async () => {
      const { seed } = await lost();
      const { code, stdout } = await havoq(["shrink", "--seed", String(seed), "--out", "one.yaml", "--json", "--", ...service], { cwd });
      const result = JSON.parse(stdout);
      expect([code, result.faults.length, result.failed, result.of]).toEqual([0, 1, 3, 3]);
      expect(result.faults[0]).toMatchObject({
        rule: "kafka Produce: lose-answer",
        stream: expect.stringMatching(/^kafka\/payments@1#\d\/Produce$/),
        entries: [{ name: "Produce", verdict: "close" }],
      });

      const { chaos } = parse(await Bun.file(join(cwd, "one.yaml")).text());
      expect(chaos).toMatchObject([
        {
          match: { protocol: "kafka", operation: "Produce" },
          fault: { verdict: { point: "response", nth: result.faults[0].ordinal + 1 } },
        },
      ]);
      const journals = ["run.jsonl", "run.msgpack"];
      for (let i = 0; i < 3; i++) {
        const broken = await havoq(["exec", "--chaos", "one.yaml", "--journal", journals[i % 2]!, "--", ...service], { cwd });
        expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining("alice: 40")]);
        // That the rule fired is part of passing.
        expect((await havoq(["exec", "--chaos", "one.yaml", "--", ...repaired], { cwd })).code).toBe(0);
      }
      // The journal of such a run makes it fail without the rule.
      for (const journal of journals)
        for (let i = 0; i < 2; i++) expect((await havoq(["exec", "--replay", journal, "--", ...service], { cwd })).code).toBe(1);
      expect((await havoq(["exec", "--replay", journals[0]!, "--", ...repaired], { cwd })).code).toBe(0);
    },
    LONG,
  );

  test(
    "the repaired service passes with the seeds that broke it",
    async () => {
      const { code, stderr } = await havoq(["explore", ...SEEDS, "--", ...repaired], { cwd });
      expect([code, stderr]).toEqual([0, expect.stringContaining("6 of 6 runs passed")]);
    },
    LONG,
  );
});
