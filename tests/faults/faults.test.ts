/** The faults that ship inside the binary, through the grammar of rules. */
import { beforeAll, describe, expect, test } from "bun:test";
import faults from "../../src/faults/index.ts";
import { registerFaults, rule, type Rule } from "../../src/hooks/rule.ts";
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

describe("each fault", () => {
  test("latency", async () => {
    const { t, publisher, texts } = await under({ match: { topic: "slow/#" }, fault: { latency: { ms: 60_000 } } });
    publisher.publish("quick", "1", { qos: 0 });
    publisher.publish("slow/a", "2", { qos: 0 });
    publisher.publish("quick", "3", { qos: 0 });
    expect(await texts()).toEqual(["1"]);
    await t.advance(59);
    expect(await texts()).toEqual([]);
    await t.advance(2);
    expect(await texts()).toEqual(["2", "3"]);
  });

  test("drop: acknowledged, and nowhere", async () => {
    const { publisher, texts } = await under({ match: { topic: "a" }, fault: { drop: {} } });
    publisher.publish("a", "lost", { qos: 1, id: 7 });
    expect(await publisher.expect("PUBACK")).toMatchObject({ id: 7, code: 0 });
    publisher.publish("b", "kept", { qos: 0 });
    expect(await texts()).toEqual(["kept"]);
  });

  test("duplicate", async () => {
    const { publisher, texts } = await under({ fault: { duplicate: { times: 2 } } });
    publisher.publish("a", "x", { qos: 0 });
    expect(await texts()).toEqual(["x", "x", "x"]);
  });

  test("error", async () => {
    const { publisher, texts } = await under({ fault: { error: { code: "Quota exceeded" } } });
    publisher.publish("a", "x", { qos: 1, id: 7 });
    expect(await publisher.expect("PUBACK")).toMatchObject({ id: 7, code: 0x97 });
    expect(await texts()).toEqual([]);
  });

  test("lose-answer: delivered, and never acknowledged", async () => {
    const { publisher, texts } = await under({ fault: { "lose-answer": {} } });
    publisher.publish("a", "x", { qos: 1, id: 7 });
    expect(await texts()).toEqual(["x"]);
    expect(await publisher.rest()).toEqual([]);
  });

  test("disconnect", async () => {
    const { publisher, texts } = await under({ fault: { disconnect: { reset: true } } });
    publisher.publish("a", "x", { qos: 1, id: 7 });
    expect(await publisher.memory.closed()).toBe("reset");
    expect(await texts()).toEqual([]);
  });

  test("is tried in this folder", async () => {
    const files = await Array.fromAsync(new Bun.Glob("*.test.ts").scan(import.meta.dir));
    const text = (await Promise.all(files.map((file) => Bun.file(`${import.meta.dir}/${file}`).text()))).join("");
    expect(faults.map(({ name }) => name).filter((name) => !files.includes(`${name}.test.ts`) && !text.includes(`test("${name}`) && !text.includes(`describe("${name}`))).toEqual([]);
  });
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
