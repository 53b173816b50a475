/** What shrink says when there is nothing to shrink, and rules that it writes for more than verdicts. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "yaml";
import { journalOf, faultsOf, firedIn } from "../../src/cli/shrink/faults.ts";
import { ruleFile } from "../../src/cli/shrink/rule-file.ts";
import type { JournalLine } from "../../src/journal/journal.ts";
import { freshFolder, havoq } from "./binary.ts";

const LONG = 120_000;
const CHAOS = "chaos:\n  - { name: r, optional: true, match: { topic: t }, when: { nth: [2, 4] }, fault: { drop: {} } }\n";
/** Publishes five messages, and looks at which come back: ends with 3 where not all, or not any, of the words came. */
const WANTS = `
  const mqtt = require(process.argv[1]);
  (async () => {
    const client = await mqtt.connectAsync(process.env.MQTT_URL, { clientId: "c" });
    const got = [];
    client.on("message", (_, payload) => got.push(payload.toString()));
    await client.subscribeAsync("t");
    for (let i = 1; i <= 5; i++) await client.publishAsync("t", String(i), { qos: 1 });
    await client.endAsync();
    const [how, ...words] = process.argv.slice(2);
    process.exit(words[how === "any" ? "some" : "every"]((one) => got.includes(one)) ? 0 : 3);
  })();
`;
const wants = (...words: string[]) => [process.execPath, "-e", WANTS, require.resolve("mqtt"), ...words];

async function folder(): Promise<string> {
  const cwd = freshFolder();
  await Bun.write(join(cwd, "c.yaml"), CHAOS);
  return cwd;
}

test(
  "the one of two faults that breaks it",
  async () => {
    const cwd = await folder();
    const { code, stderr } = await havoq(["shrink", "--chaos", "c.yaml", "--out", "out/s.yaml", "--", ...wants("all", "1", "4")], { cwd });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/1 fault of 2 is enough.*\n {2}mqtt message: drop, the 4th on mqtt:t\n/)]);
    const { chaos } = parse(await Bun.file(join(cwd, "out/s.yaml")).text());
    expect(chaos).toEqual([
      { name: "r", match: { topic: "t" }, fault: { verdict: { point: "message", stream: "mqtt:t", nth: 4, answer: { drop: {} } } } },
    ]);
    expect((await havoq(["exec", "--chaos", "out/s.yaml", "--", ...wants("all", "1", "4")], { cwd })).code).toBe(3);
    expect((await havoq(["exec", "--chaos", "out/s.yaml", "--", ...wants("all", "1", "2")], { cwd })).code).toBe(0);
  },
  LONG,
);

test(
  "both where it takes both",
  async () => {
    const cwd = await folder();
    const { code, stdout } = await havoq(["shrink", "--chaos", "c.yaml", "--out", "s.yaml", "--json", "--", ...wants("any", "2", "4")], {
      cwd,
    });
    expect([code, JSON.parse(stdout).faults.map((fault: { ordinal: number }) => fault.ordinal)]).toEqual([0, [1, 3]]);
    expect((await havoq(["exec", "--chaos", "s.yaml", "--", ...wants("any", "2", "4")], { cwd })).code).toBe(3);
  },
  LONG,
);

test(
  "says so when it passes, when it fails without faults, when it does not fail again, and when nothing was told",
  async () => {
    const cwd = await folder();
    const passed = await havoq(["shrink", "--chaos", "c.yaml", "--", ...wants("all", "1")], { cwd });
    expect([passed.code, passed.stderr]).toEqual([1, expect.stringContaining("there is nothing to shrink")]);
    const always = await havoq(["shrink", "--chaos", "c.yaml", "--", "sh", "-c", "echo why; exit 5"], { cwd });
    expect([always.code, always.stderr]).toEqual([
      1,
      expect.stringMatching(/why\n\n*havoq: the command fails without any fault too \(exit code 5\)/),
    ]);
    const once = await havoq(["shrink", "--chaos", "c.yaml", "--", "sh", "-c", "mkdir seen && exit 5; exit 0"], { cwd });
    expect([once.code, once.stderr]).toEqual([1, expect.stringContaining("it does not fail again")]);
    const nothing = await havoq(["shrink", "--", "false"], { cwd });
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining("--seed of one that failed")]);
  },
  LONG,
);

test(
  "a command that does not end is ended, with all that it started, and has failed",
  async () => {
    const { code, stdout } = await havoq([
      "explore",
      "--runs",
      "1",
      "--timeout",
      "300ms",
      "--json",
      "--",
      "sh",
      "-c",
      "sleep 100 & sleep 100",
    ]);
    expect([code, JSON.parse(stdout).seeds[0].failures]).toEqual([1, ["the command did not end within 300 ms"]]);
  },
  LONG,
);

test(
  "explore: what repeats a seed has its patience too, and what cannot be started is tried once",
  async () => {
    const { stdout } = await havoq(["explore", "--runs", "1", "--seed", "4", "--timeout", "300ms", "--", "sleep", "100"]);
    expect(stdout).toMatch(
      /havoq explore --runs 1 --timeout 300ms --seed 4 -- sleep 100\n.*havoq shrink --timeout 300ms --seed 4 -- sleep 100\n/,
    );
    const { code, stderr } = await havoq(["explore", "--runs", "50", "--", "no-such-command"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("no-such-command: command not found")]);
  },
  LONG,
);

test("uses of the control surface, regular expressions and bytes get into a rule file", () => {
  const journal: JournalLine[] = [
    {
      havoq: "1",
      seed: 3,
      rules: [{ rule: "p/request", plugin: "p", point: "request", match: { protocol: "kafka", operation: /^Pro/i } }],
    },
    { n: 1, at: 10, rule: "p/request", protocol: "kafka", name: "Produce", stream: "s", ordinal: 0, action: "killBroker", detail: [1] },
    { n: 2, at: 60, rule: "p/request", protocol: "kafka", name: "Produce", stream: "s", ordinal: 0, action: "restartBroker", detail: [1] },
    {
      n: 3,
      at: 11,
      rule: "p/request",
      protocol: "kafka",
      name: "Produce",
      stream: "s",
      ordinal: 1,
      verdict: "replace",
      detail: { changes: { payload: Buffer.from("x") } },
    },
    { n: 4, at: 90, rule: "r/clock", protocol: "kafka", name: "", stream: "clock", ordinal: 0, action: "raiseAlarm", detail: [] },
  ];
  const faults = faultsOf(journal);
  expect(faults.map(({ entries }) => entries.map((entry) => entry.n))).toEqual([[1, 2], [3], [4]]);
  expect(journalOf(journal, [faults[1]!]).map((line) => ("n" in line ? line.n : "rules"))).toEqual(["rules", 3]);
  expect(firedIn(journalOf(journal, [faults[1]!]), faults)).toEqual([faults[1]!]);
  const rule = { name: "r", when: { after: "90ms" }, fault: { "memory-alarm": {} } };
  const { chaos } = parse(ruleFile(faults, { seed: 3, repeat: "again", rules: new Map([["r", rule]]), kinds: new Map() }));
  expect(chaos).toEqual([
    rule,
    {
      name: "p",
      match: { protocol: "kafka", operation: "/^Pro/i" },
      fault: {
        verdict: {
          point: "request",
          events: [
            {
              stream: "s",
              nth: 1,
              actions: [
                { action: "killBroker", args: [1] },
                { action: "restartBroker", args: [1], after: 50 },
              ],
            },
            { stream: "s", nth: 2, answer: { replace: { changes: { payload: { $bytes: "eA==" } } } } },
          ],
        },
      },
    },
  ]);
});
