/** Scenarios in process, with real clients: each kind of step, awaits, the heal, convergence and expectations. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parseChaosFile } from "../../src/scenarios/file.ts";
import type { ScenarioResult } from "../../src/scenarios/run.ts";
import { resultLines } from "../../src/scenarios/text.ts";
import { House } from "../oracle/house.ts";

const TIMEOUT = 30_000;

/** A house without an account: scenarios ask for one themselves. */
const house = () => House.start(false, (config) => void (config.kafka.brokers = 3));

async function queue(house: House, name: string) {
  const channel = await (await house.amqp("worker")).createConfirmChannel();
  await channel.assertQueue(name);
  const send = async (value: string): Promise<boolean> =>
    new Promise((resolve) => channel.sendToQueue(name, Buffer.from(value), {}, (error) => resolve(error === null)));
  return { channel, send };
}

const told = ({ expectations }: ScenarioResult) => expectations.map(({ text, passed }) => [text, passed]);

describe("steps", () => {
  test(
    "by count: the rule is in force from the very next message on",
    async () => {
      await using h = await house();
      const { send } = await queue(h, "tasks");
      const run = await h.havoq.scenarios.run({
        name: "counts",
        steps: [
          { after: "3 messages", on: "tasks", apply: { name: "lossy", match: { protocol: "amqp" }, fault: "drop" } },
          { await: { rule: "lossy", fired: 2 }, remove: "lossy" },
        ],
        expect: [{ state: { messages: 5, on: "tasks" }, within: "10s" }, { no_loss: "tasks" }],
      });
      for (const value of ["1", "2", "3", "4", "5"]) expect(await send(value)).toBe(true);
      await h.until(() => h.havoq.rules.get("lossy") === undefined);
      for (const value of ["6", "7"]) await send(value);
      const result = await run.done;
      expect(result.steps.map(({ status }) => status)).toEqual(["done", "done"]);
      expect(told(result)).toEqual([
        ["5 messages on tasks within 10000 ms", true],
        ["no loss on tasks", false],
        ["rule lossy fires", true],
      ]);
      expect(result.rules).toMatchObject([{ id: "lossy", fired: 2 }]);
      expect(result.passed).toBe(false);
      expect(resultLines(result).join("\n")).toContain("acknowledged and never stored: amqp tasks");
    },
    TIMEOUT,
  );

  test(
    "by time, moved on by the clock; rules are switched, raised for, cleared",
    async () => {
      await using h = await house();
      const { send } = await queue(h, "tasks");
      const run = await h.havoq.scenarios.run({
        name: "times",
        steps: [
          {
            at: "10m",
            apply: [
              { name: "full", match: { protocol: "amqp" }, fault: { error: { code: "nack" } } },
              { name: "raised", when: { after: { event: "now" } }, match: { protocol: "amqp" }, optional: true, fault: "drop" },
            ],
          },
          { after: "5m", disable: "full" },
          { at: "20m", enable: "full", raise: "now" },
          { after: "1h", clear: true },
        ],
      });
      expect(await send("a")).toBe(true);
      await h.havoq.clock.advance(600_000);
      expect(await send("b")).toBe(false);
      await h.havoq.clock.advance(300_000);
      expect(await send("c")).toBe(true);
      await h.havoq.clock.advance(300_000);
      expect(await send("d")).toBe(false);
      await h.havoq.clock.advance(3_600_000);
      expect(await send("e")).toBe(true);
      const result = await run.done;
      expect(result.passed).toBe(true);
      expect(result.steps.map(({ at }) => Math.round(at! / 60_000))).toEqual([10, 15, 20, 80]);
      expect(h.havoq.rules.list()).toEqual([]);
    },
    TIMEOUT,
  );

  test(
    "the control surface, written to the journal",
    async () => {
      await using h = await house();
      const screen = await h.mqtt("screen");
      const closed = new Promise((resolve) => screen.once("close", () => resolve(null)));
      const run = await h.havoq.scenarios.run({
        name: "cut",
        steps: [
          {
            await: { client: "screen", is: "connected" },
            do: [{ killBroker: 2 }, { disconnect: [{ client: "screen" }, { reset: true }] }],
          },
        ],
        heal: false,
      });
      expect((await run.done).passed).toBe(true);
      await closed;
      expect(h.havoq.control.brokers()).toMatchObject([{ up: true }, { broker: 2, up: false }, { up: true }, {}, {}]);
      expect(h.havoq.journal.entries()).toMatchObject([
        { rule: "scenario cut/clock", action: "killBroker", detail: [2] },
        { rule: "scenario cut/clock", action: "disconnect", detail: [{ client: "screen" }, { reset: true }] },
      ]);
    },
    TIMEOUT,
  );

  test(
    "and done again, at their times, by a replay of that journal",
    async () => {
      const lines = await (async () => {
        await using h = await house();
        const run = await h.havoq.scenarios.run({ name: "nap", heal: false, steps: [{ at: "1m", do: { pauseBroker: "mqtt" } }] });
        await h.havoq.clock.advance(60_000);
        expect((await run.done).passed).toBe(true);
        return [h.havoq.journal.header(), ...h.havoq.journal.entries()];
      })();
      await using again = await House.start(false, undefined, { replay: lines });
      const paused = (): boolean => again.havoq.control.brokers().some((one) => one.paused);
      await again.havoq.clock.advance(30_000);
      expect(paused()).toBe(false);
      await again.havoq.clock.advance(60_000);
      expect(paused()).toBe(true);
    },
    TIMEOUT,
  );

  test(
    "an await that never comes says what was seen instead; what follows is skipped, the heal is not",
    async () => {
      await using h = await house();
      await queue(h, "tasks");
      const run = await h.havoq.scenarios.run({
        name: "vain",
        steps: [
          { do: { killBroker: 3 } },
          {
            await: [
              { queue: "tasks", depth: { from: 1 } },
              { group: "inventory", is: "stable" },
            ],
            within: "1m",
          },
          { clear: true },
        ],
      });
      await h.until(() => run.steps[1]!.status === "running");
      await h.havoq.clock.advance(61_000);
      const result = await run.done;
      expect(result).toMatchObject({ passed: false, steps: [{ status: "done" }, { status: "failed" }, { status: "skipped" }] });
      expect(result.steps[1]!.error).toBe(
        "waited 60000 ms for queue tasks depth at least 1 and group inventory is stable, but " +
          "queue tasks has 0 messages that wait, 0 unacknowledged, 0 consumers; there is no group inventory",
      );
      expect(h.havoq.control.brokers().every(({ up }) => up)).toBe(true);
    },
    TIMEOUT,
  );

  test(
    "an action that fails, and a rule that is not there, fail their step",
    async () => {
      await using h = await house();
      for (const [step, message] of [
        [{ do: { electLeader: { topic: "nowhere", partition: 0 } } }, "there is no partition 0 of topic nowhere"],
        [{ remove: "nobody" }, "there is no rule nobody"],
      ] as const) {
        const result = await (await h.havoq.scenarios.run({ steps: [step] })).done;
        expect(result.passed).toBe(false);
        expect(result.steps[0]!.error).toContain(message);
      }
    },
    TIMEOUT,
  );
});

describe("the end", () => {
  test(
    "heal: no rules, brokers up and answering, nobody cut off; then all comes to rest",
    async () => {
      await using h = await house();
      const kafka = h.kafka("shop");
      const admin = h.with(kafka.admin());
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 3, replicationFactor: 2 }] });
      const producer = h.with(kafka.producer());
      await producer.connect();
      const consumer = h.with(kafka.consumer({ groupId: "billing", maxWaitTimeInMs: 20, heartbeatInterval: 50 }));
      await consumer.connect();
      await consumer.subscribe({ topic: "orders", fromBeginning: true });
      let got = 0;
      await consumer.run({ autoCommitInterval: 20, autoCommitThreshold: 1, eachMessage: async () => void got++ });
      const run = await h.havoq.scenarios.run({
        name: "outage",
        steps: [
          { await: { group: "billing", is: "stable", members: 1 } },
          {
            do: [{ killBroker: 2 }, { pauseBroker: 3 }],
            apply: { name: "late", match: { operation: "Produce" }, optional: true, fault: { latency: { ms: 1 } } },
          },
          { after: "50ms" },
        ],
        converge: { within: "20s" },
        expect: [
          { state: { topic: "orders", records: { from: 30 } }, within: "10s" },
          { state: { group: "billing", lag: 0 }, within: "10s" },
          { in_order: "orders" },
          { no_loss: "*" },
        ],
      });
      await h.until(() => h.havoq.control.brokers().some(({ up }) => !up));
      const sent = Promise.all(
        Array.from({ length: 30 }, (_, i) => producer.send({ topic: "orders", messages: [{ key: `k${i % 3}`, value: String(i) }] })),
      );
      const result = await run.done;
      await sent;
      expect(result.expectations.filter(({ passed }) => !passed)).toEqual([]);
      expect(result.passed).toBe(true);
      expect(result.healedMs).toBeNumber();
      expect(h.havoq.rules.list()).toEqual([]);
      expect(h.havoq.control.brokers().every(({ up, paused }) => up && !paused)).toBe(true);
    },
    TIMEOUT,
  );

  test(
    "what does not come to rest in time is told",
    async () => {
      await using h = await house();
      const { channel, send } = await queue(h, "tasks");
      await channel.consume("tasks", () => undefined);
      await send("x");
      const run = await h.havoq.scenarios.run({ name: "stuck", steps: [{ await: { messages: 0 } }], converge: { within: "50ms" } });
      const result = await run.done;
      expect(result).toMatchObject({ passed: false, healedMs: null });
      expect(result.expectations[0]).toEqual({
        text: "at rest within 50 ms of the heal",
        passed: false,
        detail: "queue tasks has 0 messages that wait and 1 unacknowledged",
      });
    },
    TIMEOUT,
  );

  test(
    "a rule that never fired fails the scenario, unless it is optional",
    async () => {
      await using h = await house();
      const { send } = await queue(h, "tasks");
      const unfired = { name: "unfired", match: { queue: "other" }, fault: "drop" };
      const of = async (rule: object) => {
        const run = await h.havoq.scenarios.run({ steps: [{ apply: rule }, { after: "1 messages" }] });
        await h.until(() => run.steps[1]!.status === "running");
        await send("x");
        return run.done;
      };
      const result = await of(unfired);
      expect(result.expectations).toEqual([
        { text: "rule unfired fires", passed: false, detail: "it never did: nothing that it matches happened" },
      ]);
      expect(await of({ ...unfired, optional: true })).toMatchObject({ passed: true, expectations: [] });
    },
    TIMEOUT,
  );

  test.each([
    ["in_order", { in_order: "tasks" }, "order per key on tasks"],
    ["no_duplicates", { no_duplicates: "*" }, "no duplicates"],
    ["empty", { empty: "dead" }, "nothing in dead"],
    ["clean", { clean: true }, "the oracle finds nothing"],
  ])(
    "%s holds where nothing happened, and not where something did",
    async (kind, expectation, text) => {
      for (const broken of [false, true]) {
        await using h = await house();
        const { channel, send } = await queue(h, "tasks");
        await channel.assertQueue("dead");
        const run = await h.havoq.scenarios.run({
          oracle: { identity: "content" },
          steps: [
            {
              apply: {
                name: "nack",
                when: { once: true },
                optional: true,
                match: { protocol: "amqp", routingKey: broken && kind === "in_order" ? "tasks" : "none" },
                fault: { error: { code: "nack" } },
              },
            },
            { after: "3 messages" },
          ],
          expect: [expectation],
        });
        await h.until(() => run.steps[1]!.status === "running");
        const first = send("1");
        const second = send("2");
        await Promise.all([first, second]);
        if (broken && kind === "in_order") await send("1");
        if (broken && (kind === "no_duplicates" || kind === "clean")) await send("1");
        if (broken && kind === "empty") channel.sendToQueue("dead", Buffer.from("x"));
        await send("3");
        await send("4");
        expect(told(await run.done)).toEqual([[text, !broken]]);
      }
    },
    TIMEOUT,
  );

  test(
    "stopped, it is healed and not judged; ended, what did not come has failed",
    async () => {
      await using h = await house();
      const steps = [{ do: { pauseBroker: "mqtt" } }, { at: "1h" }];
      const stopped = await h.havoq.scenarios.run({ name: "long", steps, expect: [{ clean: true }] });
      await h.until(() => stopped.steps[1]!.status === "running");
      stopped.stop();
      expect(await stopped.done).toMatchObject({ passed: false, expectations: [] });
      expect(stopped.status).toBe("stopped");
      expect(h.havoq.control.brokers().some(({ paused }) => paused)).toBe(false);
      const ended = await h.havoq.scenarios.run({ name: "long", steps, expect: [{ clean: true }] });
      expect(ended.id).toBe("long-2");
      await h.until(() => ended.steps[1]!.status === "running");
      ended.end();
      expect(await ended.done).toMatchObject({
        passed: false,
        steps: [{ status: "done" }, { error: "the run was over before it came" }],
        expectations: [{ passed: true }],
      });
      expect(h.havoq.scenarios.list().map(({ id, status }) => [id, status])).toEqual([
        ["long", "stopped"],
        ["long-2", "failed"],
      ]);
    },
    TIMEOUT,
  );
});

describe("a chaos file", () => {
  test(
    "rules, a scenario and what is expected belong together",
    async () => {
      await using h = await house();
      const { send } = await queue(h, "tasks");
      const file = parseChaosFile(
        `
chaos:
  - name: slow
    match: { protocol: amqp }
    fault: { latency: { ms: 1ms } }
scenario:
  name: story
  steps:
    - after: 2 messages
      on: tasks
      apply: { name: twice, match: { protocol: amqp }, when: { once: true }, fault: duplicate }
    - await: { messages: 4, on: tasks }
expect:
  - state: { messages: 4, on: tasks }
  - no_duplicates: tasks
`,
        "flaky.yaml",
      );
      expect(file.errors).toEqual([]);
      const chaos = await h.havoq.scenarios.start(file);
      for (const value of ["1", "2", "3"]) await send(value);
      const [result] = await chaos.done;
      expect(told(result!)).toEqual([
        ["4 messages on tasks", true],
        ["no duplicates on tasks", false],
        ["rule slow fires", true],
        ["rule twice fires", true],
      ]);
      expect(await chaos.finish()).toMatchObject({ passed: false, expectations: [] });
    },
    TIMEOUT,
  );

  test(
    "rules alone: each has to fire by the end",
    async () => {
      await using h = await house();
      const chaos = await h.havoq.scenarios.start(
        parseChaosFile("- name: never\n  match: { protocol: mqtt }\n  fault: drop\n", "rules.yaml"),
      );
      expect(await chaos.finish()).toMatchObject({ passed: false, expectations: [{ text: "rule never fires", passed: false }] });
    },
    TIMEOUT,
  );

  test("the one in the documentation is right", async () => {
    const page = await Bun.file(join(import.meta.dirname, "../../docs/SCENARIOS.md")).text();
    const file = parseChaosFile(/```yaml\n([^]*?)```/.exec(page)![1]!, "flaky.yaml");
    expect(file.errors).toEqual([]);
    expect(file.rules).toHaveLength(1);
    expect(file.scenarios).toMatchObject([{ name: "a bad day", steps: { length: 4 }, expect: { length: 4 } }]);
  });

  test.each([
    ["scenaro: {}", "f.yaml:1: scenaro: unknown key scenaro: did you mean scenario?"],
    ["scenario:\n  steps:\n    - aply: { fault: drop }", "f.yaml:3: scenario.steps.0.aply: unknown key aply: did you mean apply?"],
    ["scenario:\n  steps:\n    - apply: { fault: dorp }", "did you mean drop?"],
    [
      "scenario:\n  steps:\n    - do: { kilBroker: 1 }",
      "f.yaml:3: scenario.steps.0.do.kilBroker: unknown action kilBroker: did you mean killBroker?",
    ],
    [
      "scenario:\n  steps:\n    - after: soon\n      clear: true",
      'f.yaml:3: scenario.steps.0.after: expected a duration such as "2s", or a count such as "100 messages", not "soon"',
    ],
    [
      "scenario:\n  steps:\n    - await: { group: g, is: stabel }",
      'f.yaml:3: scenario.steps.0.await.is: "stabel" is nothing that a group can be: did you mean Stable?',
    ],
    [
      "scenario:\n  steps:\n    - await: { group: g }",
      "f.yaml:3: scenario.steps.0.await: group says who, not what: add is or members or lag",
    ],
    ["scenario:\n  steps:\n    - {}", "f.yaml:3: scenario.steps.0: the step waits for nothing and does nothing"],
    ["scenario:\n  steps:\n    - at: 1s\n      await: { messages: 1 }", "a step has one of at, after and await"],
    ["scenario: {}\nexpect:\n  - in_oder: x", "f.yaml:3: expect.0.in_oder: unknown key in_oder: did you mean in_order?"],
    ["chaos:\n  - fault: drp", "f.yaml:2: chaos.0.fault"],
    ["a: [", "f.yaml:"],
  ])("%j is refused with file, line and key", (text, message) => {
    const { errors } = parseChaosFile(text, "f.yaml");
    expect(errors.map((error) => error.message).join("\n")).toContain(message);
  });
});
