/** The live set: rules come and go while everything runs, beside plugins; and the journal gives them back. */
import { beforeEach, describe, expect, test } from "bun:test";
import { canonical, formatLine, parseJournal, type JournalEntry } from "../../src/journal/journal.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { rule } from "../../src/rules/rule.ts";
import { Replay } from "../../src/journal/replay.ts";
import { RuleError, type Rule } from "../../src/rules/rule.ts";
import { parseRules } from "../../src/rules/parse.ts";
import { Rules } from "../../src/rules/rules.ts";
import { echoHouse } from "../support/echo.ts";
import { settled } from "../support/memory.ts";
import { deeds, underReplay, underRules } from "./house.ts";

beforeEach(() => void deeds.splice(0));

describe("rules", () => {
  test("are added, listed, switched off and on, and removed", async () => {
    const { rules, send } = await underRules();
    const handle = rules.add({ name: "loss", description: "all of a", match: { topic: "a" }, fault: "drop" });
    expect(await send("a", "1")).toEqual([]);
    expect(handle).toMatchObject({
      id: "loss",
      name: "loss",
      source: "api",
      fired: 1,
      matched: 1,
      enabled: true,
      optional: false,
      fault: "drop",
    });
    expect(rules.list()).toMatchObject([{ id: "loss", description: "all of a", rule: { fault: "drop" } }]);
    handle.enabled = false;
    expect(await send("a", "2")).toEqual(["2"]);
    handle.enabled = true;
    expect(await send("a", "3")).toEqual([]);
    handle.remove();
    expect(await send("a", "4")).toEqual(["4"]);
    expect(rules.list()).toEqual([]);
    expect(rules.remove("loss")).toBeFalse();
  });

  test("have ids of their own: the name, or the fault's, with a number where it is taken", async () => {
    const { t, rules } = await underRules();
    t.house.seam.install([{ name: "drop", file: "", plugin: {} }]);
    expect(
      ["loss", "loss", undefined, undefined].map((name) => rules.add({ ...(name === undefined ? {} : { name }), fault: "drop" }).id),
    ).toEqual(["loss", "loss-2", "drop-2", "drop-3"]);
    rules.add({ fault: "drop" }, { source: "test" });
    expect(rules.clear("test")).toBe(1);
    expect(rules.clear()).toBe(4);
  });

  test("leave the plugins, their state and their order alone", async () => {
    const { t, rules, send } = await underRules();
    const seen: string[] = [];
    const plugin: Plugin = { message: (message, at) => (seen.push(message.text()), void at.state.set("n", (at.state.get("n") ?? 0) + 1)) };
    t.house.seam.install([{ name: "own", file: "", plugin }]);
    await send("a", "1");
    const handle = rules.add({ fault: "drop" });
    await send("a", "2");
    expect(seen).toEqual(["1", "2"]);
    expect(t.house.seam.record("own").state.get("n")).toBe(2);
    t.house.seam.install([]);
    expect(await send("a", "3")).toEqual([]);
    expect(handle.fired).toBe(2);
  });

  test("tell when they fire", async () => {
    const { rules, send } = await underRules();
    const fired: string[] = [];
    rules.add({ name: "loss", when: { nth: 2 }, fault: "drop" });
    const end = rules.onFired(({ rule, verdict, name }) => void fired.push(`${rule.id} ${verdict} ${name}`));
    await send("a", "1", "2", "3");
    end();
    expect(fired).toEqual(["loss drop a"]);
  });

  test("all or none", async () => {
    const { rules } = await underRules();
    expect(() => rules.addAll([{ fault: "drop" }, { fault: "dorp" }])).toThrow("unknown fault dorp: did you mean drop?");
    expect(rules.list()).toEqual([]);
  });

  test("that are plugins live as rules do", async () => {
    const { t, rules, send } = await underRules();
    const plugin = rule({ when: { after: { event: "now" } }, match: { topic: /^a$/ }, fault: { drop: {} } });
    t.house.seam.install([{ name: "mine", file: "mine.ts", plugin }]);
    expect(rules.list()).toMatchObject([{ id: "mine", source: "plugin" }]);
    expect(await send("a", "1")).toEqual(["1"]);
    rules.raise("now");
    expect(await send("a", "2")).toEqual([]);
    t.house.seam.install([]);
    expect(rules.list()).toEqual([]);
  });

  test("of a preset stand and fall together", async () => {
    const { send, rule, rules } = await underRules({ name: "steps", match: { topic: "a" }, preset: { "two-steps": { first: 2 } } });
    expect(await send("a", "1", "2", "3", "4")).toEqual(["3", "3", "4"]);
    expect(rule.fired).toBe(3);
    rules.remove("steps");
    expect(await send("a", "5")).toEqual(["5"]);
    for (const [given, message] of [
      [{ preset: "two-stesp" }, "preset.two-stesp: unknown preset two-stesp: did you mean two-steps?"],
      [{ preset: { "two-steps": { frist: 1 } } }, "preset.two-steps.frist: unknown key frist: did you mean first?"],
      [{ preset: "two-steps", fault: "drop" }, "preset: either fault or preset"],
      [{ preset: "two-steps", when: { once: true } }, "preset: a preset has its own when"],
    ] as [Rule, string][])
      expect(() => rules.add(given)).toThrow(message);
  });

  test("many cost one chain: what names another topic is not asked, and nothing is made for it", async () => {
    const { t, rules, send } = await underRules();
    rules.addAll(Array.from({ length: 100 }, (_, i) => ({ match: { topic: `other/${i}`, payload: "x" }, fault: "drop" })));
    const chain = t.house.seam.mqtt.message!;
    expect(chain.select(null, "a")).toBeNull();
    expect(chain.select(null, "other/7")).not.toBeNull();
    expect(await send("a", "x")).toEqual(["x"]);
  });
});

describe("bad rules", () => {
  test.each([
    [{}, [], "fault is missing"],
    [{ fault: "drop", mach: {} }, ["mach"], "unknown key mach: did you mean match?"],
    [{ fault: "dorp" }, ["fault", "dorp"], "unknown fault dorp: did you mean drop?"],
    [{ fault: { latency: { mss: 1 } } }, ["fault", "latency", "mss"], "unknown key mss: did you mean ms?"],
    [{ fault: "drop", match: { topc: "a" } }, ["match", "topc"], "unknown key topc: did you mean topic?"],
    [{ fault: "drop", match: { protocol: "kafak" } }, ["match", "protocol"], "did you mean kafka?"],
    [{ fault: "drop", match: { topic: [] } }, ["match", "topic"], "the list is empty"],
    [{ fault: "drop", match: { topic: "/(/" } }, ["match", "topic"], "Invalid regular expression"],
    [{ fault: "drop", match: { size: "> big" } }, ["match", "size"], "expected a size such as"],
    [{ fault: "drop", match: { payload: { json: { "$.a[": 1 } } } }, ["match", "payload", "json", "$.a["], "expected a JSON path"],
    [{ fault: "drop", match: { partition: -1 } }, ["match", "partition"], "expected a whole number from 0 up"],
    [{ fault: "drop", when: { probabilty: 0.5 } }, ["when", "probabilty"], "did you mean probability?"],
    [{ fault: "drop", when: { probability: 2 } }, ["when", "probability"], "expected a number from 0 to 1"],
    [{ fault: "drop", when: { after: "soon" } }, ["when", "after"], "expected a moment"],
    [{ fault: "drop", when: { after: { rule: "a", event: "b" } } }, ["when", "after"], "not several"],
    [{ fault: "drop", when: { nth: 0 } }, ["when", "nth"], "expected a whole number from 1 up"],
    [{ fault: "drop", when: { once: true, times: 2 } }, ["when", "times"], "once is times: 1 already"],
    [{ fault: "drop", when: { window: ["1s"] } }, ["when", "window"], "expected two moments"],
    [{ fault: "drop", when: { per: "topci" } }, ["when", "per"], "did you mean topic?"],
    [{ fault: "drop", for: "a while" }, ["for"], "expected a duration"],
    [{ fault: "drop", match: { operation: "Produce", payload: "x" } }, ["match"], "nothing can match"],
  ] as [Rule, (string | number)[], string][])("%j", async (given, path, message) => {
    const { rules } = await underRules();
    let error: unknown;
    try {
      rules.add(given);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RuleError);
    expect((error as RuleError).path).toEqual(path);
    expect((error as RuleError).message).toContain(message);
  });

  test("in a file are told with line, all at once; the good ones are there", () => {
    const { rules, errors } = parseRules(
      "chaos:\n  - fault: drop\n  - name: second\n    match:\n      topc: a\n    fault: drop\n  - fault:\n      latency: { ms: later }\n  - just words\n",
      "flaky.yaml",
    );
    expect(rules).toEqual([{ fault: "drop" }]);
    expect(errors.map(({ message }) => message)).toEqual([
      "flaky.yaml:5: chaos.1.match.topc: unknown key topc: did you mean topic?",
      expect.stringContaining("flaky.yaml:8: chaos.2.fault.latency.ms: expected a duration"),
      'flaky.yaml:9: chaos.3: expected a rule, not "just words"',
    ]);
    expect(errors[0]).toMatchObject({ file: "flaky.yaml", line: 5, path: ["chaos", 1, "match", "topc"] });
  });

  test("files are YAML or JSON: a list, one rule, or under chaos, with what is not ours beside", () => {
    for (const text of ["- fault: drop", "fault: drop", "chaos:\n- fault: drop\nscenario: {}\n", '[{ "fault": "drop" }]'])
      expect(parseRules(text, "f")).toEqual({ rules: [{ fault: "drop" }], errors: [] });
    expect(parseRules("", "f")).toEqual({ rules: [], errors: [] });
    expect(parseRules("chaos: [", "f").errors).toMatchObject([{ line: 1 }]);
    expect(parseRules("42", "f").errors).toMatchObject([{ message: "f:1: expected a list of rules, not 42" }]);
  });
});

describe("the journal", () => {
  const CHAOS: Rule[] = [
    { name: "some", match: { topic: /^[ab]$/ }, when: { probability: 0.4 }, fault: { duplicate: { times: 2 } } },
    { name: "few", match: { protocol: "mqtt", topic: "a" }, when: { every: 3, after: 4 }, fault: "drop" },
    { name: "broker", match: { topic: "b" }, when: { nth: 5 }, for: "3s", fault: "deed" },
    { name: "clock", when: { after: "2s" }, for: "2s", fault: "deed" },
  ];

  async function story(house: Awaited<ReturnType<typeof underRules>>): Promise<string[]> {
    const seen: string[] = [];
    for (let second = 0; second < 12; second++) {
      seen.push(...(await house.send("a", `a${second}`)), ...(await house.send("b", `b${second}`)), ...house.acts.splice(0));
      await house.t.advance(1);
    }
    return [...seen, ...house.acts];
  }
  const entriesOf = (lines: readonly object[]): JournalEntry[] => lines.filter((line): line is JournalEntry => "n" in line);

  test("of two runs with one seed is the same", async () => {
    const [one, two] = [await underRules(...CHAOS), await underRules(...CHAOS)];
    expect(await story(one)).toEqual(await story(two));
    const entries = canonical(entriesOf(one.lines));
    expect(entries.length).toBeGreaterThan(8);
    expect(entries).toEqual(canonical(entriesOf(two.lines)));
    expect(one.acts.length + entriesOf(one.lines).filter(({ action }) => action !== undefined).length).toBeGreaterThan(3);
  });

  test("tells a rule's fault", async () => {
    const { lines } = await underRules(...CHAOS);
    expect((lines[0] as { rules: object[] }).rules).toMatchObject([
      { plugin: "some", fault: "duplicate" },
      { plugin: "few", fault: "drop" },
      { plugin: "broker", fault: "deed" },
    ]);
  });

  test("given back does it again: verdicts, acts, what came later and what came by the clock", async () => {
    const first = await underRules(...CHAOS);
    const seen = await story(first);
    const text = first.lines.map(formatLine).join("\n");
    const house = await underReplay(new Replay(parseJournal(text)));
    deeds.splice(0);
    expect(await story(house)).toEqual(seen);
    expect(deeds).toEqual([]); // no fault was asked
    expect(canonical(entriesOf(house.lines))).toEqual(canonical(entriesOf(first.lines)));
  });

  test("has rules in force from when to when they were", async () => {
    const house = echoHouse();
    const rules = new Rules(house.seam, house.clock, { brokers: 1 });
    const lines: object[] = [];
    house.journal.begin();
    house.journal.listen((line) => void lines.push(line));
    const run = async (target: ReturnType<typeof echoHouse>, change: (stage: number) => void): Promise<string[]> => {
      const client = target.connect();
      for (let i = 0; i < 6; i++) {
        // Halfway between two messages: the machine's own milliseconds do not matter.
        await target.clock.advance(5_000);
        change(i);
        await target.clock.advance(5_000);
        client.send(`m${i}`);
        await settled();
      }
      return target.server.seen;
    };
    const loss: Rule = { match: { operation: "*" }, when: { nth: 1 }, fault: "drop" };
    let handle: { remove(): void };
    const seen = await run(house, (stage) => {
      if (stage === 2) handle = rules.add({ ...loss, name: "staged" }, { source: "scenario" });
      if (stage === 4) handle.remove();
    });
    expect(seen).toEqual(["m0", "m1", "m3", "m4", "m5"]);
    const again = echoHouse({ replay: new Replay(parseJournal(lines.map((line) => formatLine(line as never)).join("\n"))) });
    expect(await run(again, () => undefined)).toEqual(seen);
  });

  test("has rules that somebody asked for in force when they ask again", async () => {
    const house = echoHouse();
    const rules = new Rules(house.seam, house.clock, { brokers: 1 });
    house.journal.begin();
    const lines: object[] = [];
    house.journal.listen((line) => void lines.push(line));
    const run = async (target: ReturnType<typeof echoHouse>, set: Rules): Promise<string[]> => {
      const client = target.connect();
      client.send("a");
      await client.take(1);
      set.add({ name: "asked", when: { nth: 2 }, match: { operation: "*" }, fault: "drop" }, { source: "api" });
      client.send("b", "c", "d");
      await client.take(2);
      return target.server.seen;
    };
    const seen = await run(house, rules);
    expect(seen).toEqual(["a", "b", "d"]);
    const replayed = echoHouse({ replay: new Replay(parseJournal(lines.map((line) => formatLine(line as never)).join("\n"))) });
    const set = new Rules(replayed.seam, replayed.clock, { brokers: 1 });
    expect(await run(replayed, set)).toEqual(seen);
    expect(set.get("asked")!.fired).toBe(1);
  });
});
