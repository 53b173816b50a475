import { expect, test } from "bun:test";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { quote } from "../../src/cli/exec/quote.ts";
import { FaultCounts } from "../../src/report/faults.ts";
import { junit } from "../../src/report/junit.ts";
import { markdown } from "../../src/report/markdown.ts";
import type { RunReport } from "../../src/report/report.ts";

test("faults are counted by the names that the journal has for them, in a replay too", () => {
  const counts = new FaultCounts();
  counts.add({ havoq: "1", seed: 7, rules: [{ rule: "slow/delivery", plugin: "slow", point: "delivery", match: {}, fault: "latency" }] });
  counts.add({
    n: 1,
    at: 0,
    rule: "slow/delivery",
    protocol: "kafka",
    name: "t",
    stream: "s",
    ordinal: 0,
    verdict: "delay",
    detail: { ms: 1 },
  });
  expect(counts.list(new Map())).toEqual([{ protocol: "kafka", operation: "delivery", fault: "latency", error: null, fired: 1 }]);
});

const NASTY = '<a b="c">&\'|`*]]>\u0000\u001b[31m\ud800\uffff\ttab\nline\r';

const report: RunReport = {
  havoq: "1",
  seed: 7,
  passed: false,
  failures: [NASTY],
  command: { argv: ["npm", NASTY], exitCode: 1, milliseconds: 1234 },
  rules: [
    { id: NASTY, fault: "drop", matched: 3, fired: 1, optional: false },
    { id: "never", fault: "drop", matched: 0, fired: 0, optional: false },
    { id: "maybe", fault: "drop", matched: 0, fired: 0, optional: true },
  ],
  faults: [{ protocol: "kafka", operation: "Produce", fault: "error", error: "NOT_LEADER_OR_FOLLOWER", fired: 4 }],
  scenarios: [{ name: "outage", passed: false }],
  expectations: [
    { scenario: "outage", text: NASTY, passed: false, detail: NASTY },
    { scenario: "outage", text: "all there", passed: true, detail: "" },
  ],
  oracle: [{ kind: "duplicate", text: NASTY }],
  plugins: [{ name: "p", errors: 2, off: true, messages: [NASTY] }],
  repeat: `havoq exec ${NASTY}`,
};

test("JUnit XML is well-formed whatever is in it, and says what it was given", () => {
  const xml = junit(report);
  expect(XMLValidator.validate(xml)).toBeTrue();
  expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\uffff]/);
  const { testsuite: suite } = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "",
    processEntities: true,
    htmlEntities: true,
    trimValues: false,
  }).parse(xml).testsuites;
  const cases: any[] = suite.testcase;
  expect([suite.tests, suite.failures, suite.skipped]).toEqual([
    String(cases.length),
    String(cases.filter((one) => one.failure).length),
    "1",
  ]);
  const seen = '<a b="c">&\'|`*]]>\ufffd\ufffd[31m\ufffd\ufffd\ttab\nline\r';
  expect(cases.map((one) => [one.classname, one.name, one.failure !== undefined])).toEqual([
    ["havoq.command", `npm ${seen}`, true],
    ["havoq.rules", `${seen} (drop) fired`, false],
    ["havoq.rules", "never (drop) fired", true],
    ["havoq.rules", "maybe (drop) fired", false],
    ["havoq.scenarios", "outage", true],
    ["havoq.expectations", `outage: ${seen}`, true],
    ["havoq.expectations", "outage: all there", false],
    ["havoq.oracle", `duplicate: ${seen}`, false],
    ["havoq.plugins", "p", true],
  ]);
});

test("Markdown: no word breaks a table", () => {
  const tables = markdown(report)
    .split("\n\n")
    .filter((part) => part.startsWith("|"));
  expect(tables).toHaveLength(6);
  for (const table of tables) {
    const cells = table.split("\n").map((line) => line.replace(/\\./g, "").split("|").length);
    expect(new Set(cells).size).toBe(1);
  }
});

test("words become a line that a shell splits into the same words", () => {
  const words = ["", "a", "a b", "it's", "''", "$HOME", "`x`", "a\\", "\\'", "*", "~", "#", "a\nb", "é", "-x", "a=b;c", "!x"];
  const split = Bun.spawnSync(["sh", "-c", `printf '%s\\0' ${quote(words, "linux")}`])
    .stdout.toString()
    .split("\0")
    .slice(0, -1);
  expect(split).toEqual(words);
  expect(quote(["a b", 'say "hi"', "c:\\dir with\\"], "win32")).toBe('"a b" "say \\"hi\\"" "c:\\dir with\\\\"');
});
