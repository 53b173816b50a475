/** Each word of `when`, as what a subscriber sees of the messages 1, 2, 3, … under a rule that drops. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { Rule } from "../../src/rules/rule.ts";
import { deeds, numbers, underRules } from "./house.ts";

beforeEach(() => void deeds.splice(0));

/** Which of 1 to 12 are lost. */
async function lost(when: Rule["when"], topics = ["a"]): Promise<string> {
  const { publisher, texts } = await underRules({ when, fault: "drop" });
  for (const [i, one] of numbers(12).entries()) publisher.publish(topics[i % topics.length]!, one, { qos: 0 });
  const seen = await texts();
  return numbers(12)
    .filter((one) => !seen.includes(one))
    .join(" ");
}

describe("counts", () => {
  test.each([
    [undefined, "1 2 3 4 5 6 7 8 9 10 11 12"],
    [{ always: true }, "1 2 3 4 5 6 7 8 9 10 11 12"],
    [{ once: true }, "1"],
    [{ nth: 3 }, "3"],
    [{ nth: [2, 5, 50] }, "2 5"],
    [{ every: 5 }, "5 10"],
    [{ times: 2 }, "1 2"],
    [{ every: 4, times: 2 }, "4 8"],
    [{ probability: 0 }, ""],
    [{ probability: 1 }, "1 2 3 4 5 6 7 8 9 10 11 12"],
    [{ after: 10 }, "11 12"],
    [{ after: "10 messages" }, "11 12"],
    [{ after: { messages: 10 } }, "11 12"],
    [{ until: 2 }, "1 2"],
    [{ after: 2, until: "5 messages" }, "3 4 5"],
    [{ window: ["2 messages", "5 messages"] }, "3 4 5"],
    [{ window: { from: 10 } }, "11 12"],
    [{ after: 5, nth: 2 }, "7"],
    [{ after: 5, every: 3 }, "8 11"],
  ] as [Rule["when"], string][])("%j loses %s", async (when, expected) => expect(await lost(when)).toBe(expected));

  test("per topic", async () => {
    expect(await lost({ nth: 2 }, ["a", "b", "c"])).toBe("2");
    expect(await lost({ nth: 2, per: "topic" }, ["a", "b", "c"])).toBe("4 5 6");
    expect(await lost({ times: 1, per: "topic" }, ["a", "b"])).toBe("1 2");
  });

  test("per client and per connection", async () => {
    for (const per of ["client", "connection"] as const) {
      const { t, publisher, texts } = await underRules({ when: { once: true, per }, fault: "drop" });
      const other = await t.client(5, { clientId: "other" });
      for (const one of ["1", "2"]) publisher.publish("a", one, { qos: 0 });
      for (const one of ["3", "4"]) other.publish("a", one, { qos: 0 });
      expect((await texts()).sort()).toEqual(["2", "4"]);
      // The same client again: another connection.
      const again = await t.client(5, { clientId: "other" });
      for (const one of ["5", "6"]) again.publish("a", one, { qos: 0 });
      expect(await texts()).toEqual(per === "client" ? ["5", "6"] : ["6"]);
    }
  });

  test("of one stream, as the journal names it", async () => {
    const { send } = await underRules({ when: { stream: "mqtt:b", nth: 2 }, fault: "drop" });
    expect(await send("a", ...numbers(3))).toEqual(numbers(3));
    expect(await send("b", ...numbers(3))).toEqual(["1", "3"]);
  });

  test("a fault that had nothing to do with an event has not fired on it", async () => {
    const { rule, send } = await underRules({ when: { times: 1 }, fault: { corrupt: { how: "invalid-json" } } });
    await send("a", "not JSON at all");
    await send("a", '{"a":1}');
    expect(rule.matched).toBe(2);
    expect(rule.fired).toBe(1);
  });
});

describe("time", () => {
  test("after and until", async () => {
    const { t, send } = await underRules({ when: { after: "10s", until: "20s" }, fault: "drop" });
    expect(await send("a", "1")).toEqual(["1"]);
    await t.advance(11);
    expect(await send("a", "2")).toEqual([]);
    await t.advance(10);
    expect(await send("a", "3")).toEqual(["3"]);
  });

  test("for: from when the window opened", async () => {
    const { t, send } = await underRules({ when: { after: 1 }, for: "10s", fault: "drop" });
    expect(await send("a", "1")).toEqual(["1"]);
    await t.advance(60);
    expect(await send("a", "2", "3")).toEqual([]);
    await t.advance(9);
    expect(await send("a", "4")).toEqual([]);
    await t.advance(2);
    expect(await send("a", "5")).toEqual(["5"]);
  });

  test("every so long", async () => {
    const { t, send } = await underRules({ when: { every: "10s" }, fault: "drop" });
    expect(await send("a", "1", "2")).toEqual(["2"]);
    await t.advance(11);
    expect(await send("a", "3", "4")).toEqual(["4"]);
  });
});

describe("what else happens", () => {
  test("another rule fired", async () => {
    const { send } = await underRules(
      { name: "first", match: { topic: "a" }, when: { nth: [1, 2] }, fault: "duplicate" },
      { match: { topic: "b" }, when: { after: { rule: "first", times: 2 } }, fault: "drop" },
    );
    expect(await send("b", "1")).toEqual(["1"]);
    await send("a", "x");
    expect(await send("b", "2")).toEqual(["2"]);
    await send("a", "x");
    expect(await send("b", "3")).toEqual([]);
  });

  test("an event was raised", async () => {
    const { rules, send } = await underRules({ when: { after: { event: "deploy" }, until: { event: "done" } }, fault: "drop" });
    expect(await send("a", "1")).toEqual(["1"]);
    rules.raise("deploy");
    expect(await send("a", "2")).toEqual([]);
    rules.raise("done");
    expect(await send("a", "3")).toEqual(["3"]);
  });

  test("something that a match admits, clients that come and go", async () => {
    const { t, send } = await underRules(
      { match: { topic: "a" }, when: { after: { match: { topic: "signal" } } }, fault: "drop" },
      { match: { topic: "b" }, when: { after: { connect: "late-*" }, until: { disconnect: "late-*" } }, fault: "drop" },
    );
    expect(await send("a", "1")).toEqual(["1"]);
    expect(await send("signal", "go")).toEqual(["go"]);
    expect(await send("a", "2")).toEqual([]);
    expect(await send("b", "3")).toEqual(["3"]);
    const late = await t.client(5, { clientId: "late-comer" });
    expect(await send("b", "4")).toEqual([]);
    late.memory.close();
    await t.advance(0);
    expect(await send("b", "5")).toEqual(["5"]);
  });

  test("the same with the same seed", async () => {
    const run = async (): Promise<string[]> => (await underRules({ when: { probability: 0.5 }, fault: "drop" })).send("a", ...numbers(100));
    const seen = await run();
    expect(seen.length).toBeGreaterThan(30);
    expect(seen.length).toBeLessThan(70);
    expect(await run()).toEqual(seen);
  });
});

describe("faults that act on the brokers", () => {
  test("on the first event that the match admits, and only once", async () => {
    const { t, send, acts, rule } = await underRules({ match: { topic: "a" }, when: { after: 1 }, for: "10s", fault: "deed" });
    await send("b", "1");
    await send("a", "2");
    expect(deeds).toEqual([]);
    await send("a", "3");
    expect(deeds).toEqual(["do it"]);
    await t.advance(9);
    expect(deeds).toEqual(["do it"]);
    await t.advance(2);
    expect(deeds).toEqual(["do it", "undo it"]);
    await send("a", "4");
    expect(acts).toEqual(["kill 1", "restart 1"]);
    expect(rule.fired).toBe(1);
  });

  test("by the clock where the match names nothing", async () => {
    const { t, rules } = await underRules(
      { when: { after: "5s", until: "8s" }, fault: "deed" },
      { when: { after: { event: "now" } }, fault: { deed: { what: "that" } } },
    );
    await t.advance(4);
    expect(deeds).toEqual([]);
    await t.advance(2);
    expect(deeds).toEqual(["do it"]);
    await t.advance(3);
    expect(deeds).toEqual(["do it", "undo it"]);
    rules.raise("now");
    expect(deeds.at(-1)).toBe("do that");
    rules.clear();
    expect(deeds.at(-1)).toBe("undo that");
  });

  test("again and again", async () => {
    const { t } = await underRules({ when: { every: "10s" }, for: "1s", fault: "deed" });
    await t.advance(35);
    expect(deeds.filter((one) => one === "do it").length).toBe(4);
    expect(deeds.at(-1)).toBe("undo it");
  });
});
