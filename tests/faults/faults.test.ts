/** The faults that ship inside the binary, through the grammar of rules. */
import { beforeAll, describe, expect, test } from "bun:test";
import faults from "../../src/rules/faults/index.ts";
import { registerFaults, rule, type Rule } from "../../src/rules/rule.ts";
import { TestBroker } from "../mqtt/client.ts";

beforeAll(() => registerFaults(faults));

/** A broker under one rule, with a publisher and a subscriber of everything. */
async function under(given: Rule) {
  const t = new TestBroker();
  t.house.install(rule(given));
  const [publisher, subscriber] = [await t.client(5), await t.client(5)];
  await subscriber.subscribe("#", { qos: 1 });
  const texts = async (): Promise<string[]> =>
    (await subscriber.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.payload.toString()] : []));
  return { t, publisher, subscriber, texts };
}

test("each fault is tried in this folder, in a file of its name or under its name", async () => {
  const files = await Array.fromAsync(new Bun.Glob("*.test.ts").scan(import.meta.dir));
  const text = (await Promise.all(files.map((file) => Bun.file(`${import.meta.dir}/${file}`).text()))).join("");
  const untried = faults.filter(
    ({ name }) => !files.includes(`${name}.test.ts`) && !text.includes(`test("${name}`) && !text.includes(`describe("${name}`),
  );
  expect(untried.map(({ name }) => name)).toEqual([]);
});

test("docs/CHAOS.md tells of each fault, its options and protocols, and of no other", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../docs/CHAOS.md`).text();
  const section = page.slice(page.indexOf("\n## Faults\n")).split(/\n## (?!Faults)/)[0]!;
  const rows = [...section.matchAll(/^\| `([a-z-]+)` \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(([, name, options, protocols]) => ({
    name,
    options,
    protocols,
  }));
  expect(rows.map(({ name }) => name)).toEqual(faults.map(({ name }) => name));
  for (const [i, { name, options, protocols }] of faults.entries()) {
    const told = new Set([...rows[i]!.options!.matchAll(/`([a-z_]+)(?=[:`])/g)].map((match) => match[1]!));
    const known = Object.keys((options.schema as { properties?: object }).properties ?? {});
    expect({ name, untold: known.filter((key) => !told.has(key)) }).toEqual({ name, untold: [] });
    expect({ name, protocols: rows[i]!.protocols }).toEqual({ name, protocols: protocols === undefined ? "all" : protocols.join(", ") });
  }
});

describe("a rule", () => {
  test("happens as often as its probability says, the same with the same seed", async () => {
    const run = async (): Promise<string[]> => {
      const { publisher, texts } = await under({ when: { probability: 0.3 }, fault: { drop: {} } });
      for (let i = 0; i < 200; i++) publisher.publish("a", String(i), { qos: 0 });
      return texts();
    };
    const kept = await run();
    expect(kept.length).toBeGreaterThan(110);
    expect(kept.length).toBeLessThan(170);
    expect(await run()).toEqual(kept);
  });

  test.each([
    [{ fault: { latncy: {} } }, "unknown fault latncy: did you mean latency?"],
    [{ fault: {} }, "fault takes one fault's name"],
    [{ fault: { drop: {}, error: {} } }, "fault takes one fault's name"],
    [{ fault: { latency: { ms: -1 } } }, "fault.latency.ms: expected a duration"],
    [{ fault: { error: {} } }, "fault.error: code is missing"],
    [{ fault: { duplicate: { times: 0.5 } } }, "fault.duplicate.times: expected a whole number from 1 to 1000"],
    [{ fault: { "lose-answer": { cut: "yes" } } }, "fault.lose-answer.cut: expected true or false"],
    [{ fault: { disconnect: { reset: 1 } } }, "fault.disconnect.reset: expected true or false"],
    [{ when: { probability: 2 }, fault: { drop: {} } }, "when.probability: expected a number from 0 to 1"],
  ] as [Rule, string][])("%j is refused", (given, message) => expect(() => rule(given)).toThrow(message));
});
