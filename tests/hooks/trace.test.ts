import { expect, test } from "bun:test";
import { drop } from "../../src/hooks/plugin.ts";
import { show, traceOf } from "../../src/hooks/trace.ts";
import { TestBroker } from "../mqtt/client.ts";
import { settled } from "../support/memory.ts";

test("values are shown on one line, cut where they are long, secrets not at all", () => {
  expect(show({ a: 1, b: "x", c: [1, 2, 3, 4, 5, 6], d: undefined })).toBe('{ a: 1, b: "x", c: [1, 2, 3, 4, … 6 in all] }');
  expect(show({ long: "y".repeat(100) })).toBe(`{ long: "${"y".repeat(60)}…" }`);
  expect(show({ text: Buffer.from("hi"), binary: Buffer.from([0, 1, 2]) })).toBe('{ text: "hi", binary: 3 bytes }');
  expect(show({ user: "u", password: Buffer.from("secret"), authBytes: Buffer.from("secret") })).toBe(
    '{ user: "u", password: (hidden), authBytes: (hidden) }',
  );
  expect(show({ a: { b: { c: { d: { e: 1 } } } } })).toBe("{ a: { b: { c: { d: {…} } } } }");
});

test("every operation is a line, as it comes and as it goes, and nothing of it is in the journal", async () => {
  const t = new TestBroker();
  const lines: string[] = [];
  t.house.install({ response: { match: { operation: "PUBACK" }, run: () => drop() } });
  t.house.seam.watch(
    "trace",
    traceOf(
      (line) => void lines.push(line.replace(/^[\d.]+ /, "")),
      () => t.house.clock.now(),
    ),
  );
  const client = await t.client(5, { clientId: "c", username: "bob", password: Buffer.from("secret") });
  client.publish("a/b", "21", { qos: 1 }).send({ type: "PINGREQ" });
  await settled();
  const said = lines.map((line) => /^mqtt (.) c#1 (\S+)/.exec(line)!.slice(1).join(" "));
  // The PUBACK was dropped before it went out.
  expect(said).toEqual(["→ CONNECT", "· connected", "← CONNACK", "→ PUBLISH", "→ PINGREQ", "← PINGRESP"]);
  expect(lines.join("\n")).not.toContain("secret");
  expect(lines[3]).toContain('topic: "a/b", payload: "21", qos: 1');
  expect(t.house.journal.entries().map(({ rule }) => rule)).toEqual(["test/response"]);
  expect(t.house.seam.plugins().map(({ name }) => name)).toEqual(["test"]);
});
