/** Control actions: one table, and the same check wherever somebody gives arguments. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ACTIONS } from "../../src/control/control.ts";
import { parseChaosFile } from "../../src/scenarios/file.ts";
import { type House, house } from "../admin/house.ts";

const root = join(import.meta.dirname, "../..");
const read = (file: string): Promise<string> => Bun.file(join(root, file)).text();

let h: House;
beforeAll(async () => {
  h = await house({ kafka: { brokers: 3 } });
});
afterAll(() => h[Symbol.asyncDispose]());

/** What is wrong, how a scenario's step writes it, and what is said of it. */
const WRONG: [action: string, given: unknown, said: string][] = [
  ["disconnect", { clinet: "x" }, "unknown key clinet: did you mean client?"],
  ["block", { clients: "x" }, "unknown key clients: did you mean client?"],
  ["electLeader", { topik: "orders" }, "unknown key topik: did you mean topic?"],
  ["electLeader", { topic: "orders" }, "partition is missing"],
  ["electLeader", { topic: "orders", partition: -1 }, "expected a whole number from 0 up"],
  ["electLeader", { topic: "orders", partition: 0, broker: 9 }, "there is no Kafka broker 9: there are 1 to 3"],
  ["killBroker", 9, "there is no Kafka broker 9: there are 1 to 3"],
  ["killBroker", "mqqt", 'not "mqqt"'],
  ["pauseBroker", true, "broker is missing"],
  ["partition", { direction: "sideways" }, '"sideways" is not one of in, out, both'],
  ["redeliver", { broker: 9 }, "there is no Kafka broker 9"],
  ["moveCoordinator", { grup: "g" }, "unknown key grup: did you mean group?"],
  ["expelMember", { group: "g" }, "memberId is missing"],
  ["crashBroker", { broker: 1, record: 3 }, "unknown key record: did you mean records?"],
  ["advance", "soon", 'not "soon"'],
  ["clearAlarm", 3, "clearAlarm takes no arguments"],
  ["heal", { client: "a", clinet: "b" }, "unknown key clinet: did you mean client?"],
  ["publish", { protocol: "kafka", topik: "t" }, "unknown key topik: did you mean topic?"],
];

describe("wrong arguments are refused", () => {
  test.each(WRONG)("%s: %j in a scenario, when its file is read, with the line", (action, given, said) => {
    const text = `scenario:\n  steps:\n    - at: 1s\n      do:\n        ${action}: ${JSON.stringify(given)}\n`;
    const { errors } = parseChaosFile(text, "chaos.yaml", { brokers: 3 });
    expect(errors.map(({ message }) => message).join("\n")).toMatch(/^chaos\.yaml:5: /);
    expect(errors.map(({ message }) => message).join("\n")).toContain(said);
  });

  test("an unknown action, and a broker that a step's rule names, too", () => {
    const text = [
      "scenario:",
      "  steps:",
      "    - do: { kilBroker: 1 }",
      "    - apply: { match: { protocol: kafka, broker: 9 }, fault: { latency: { ms: 5 } } }",
    ].join("\n");
    expect(parseChaosFile(text, "chaos.yaml", { brokers: 3 }).errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^chaos\.yaml:3: .*unknown action kilBroker: did you mean killBroker\?/),
      expect.stringMatching(/^chaos\.yaml:4: .*there is no broker 9/),
    ]);
  });

  const byName = WRONG.filter(([action, given]) => typeof given === "object" && !["publish", "disconnect", "block"].includes(action));
  test.each(byName)("%s: %j over HTTP", async (action, given, said) => {
    const { status, error } = await h.refused("POST", `/api/control/${action}`, given);
    expect([status === 400 || status === 404, error]).toEqual([true, expect.stringContaining(said)]);
  });

  test("and when a plugin calls them: a TypeError, or a RangeError for what is not there", () => {
    const control = h.havoq.control as any;
    expect(() => control.disconnect({ clinet: "x" })).toThrow(TypeError);
    expect(() => control.disconnect({ clinet: "x" })).toThrow("unknown key clinet: did you mean client?");
    expect(() => control.electLeader("orders")).toThrow(TypeError);
    expect(() => control.killBroker(9)).toThrow(RangeError);
    expect(() => control.advance(1, 2)).toThrow("advance takes one argument");
  });
});

describe("every action", () => {
  test("is offered over HTTP", async () => {
    const { paths } = await h.ask("GET", "/api/openapi.json");
    const summaries = Object.entries(paths).flatMap(([path, methods]) =>
      path.startsWith("/api/control/") ? [[path.slice("/api/control/".length), (methods as any).post.summary]] : [],
    );
    const missing = [...ACTIONS.keys()].filter((name) => !summaries.some(([offered]) => offered === name));
    expect(missing.sort()).toEqual(["block", "disconnect", "publish", "unblock"]); // at /api/messages and /api/connections
    for (const [name, summary] of summaries) expect(summary).toStartWith(ACTIONS.get(name)!.summary);
  });

  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  test("has a method in the clients of other languages", async () => {
    const all = async (folder: string): Promise<string> =>
      (await Promise.all([...new Bun.Glob("**/*.{py,java}").scanSync(join(root, folder))].map((file) => read(join(folder, file))))).join(
        "\n",
      );
    const [python, java] = [await all("clients/python/src"), await all("clients/java/src/main")];
    expect([...ACTIONS.keys()].filter((name) => !python.includes(`def ${snake(name)}(`))).toEqual([]);
    expect([...ACTIONS.keys()].filter((name) => !new RegExp(`\\b${name}\\(`).test(java))).toEqual([]);
  });

  test("is named where docs/PLUGINS.md tells of at.broker", async () => {
    const page = await read("docs/PLUGINS.md");
    expect([...ACTIONS.keys()].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
