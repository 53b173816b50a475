/** Each word of `match`. */
import { describe, expect, test } from "bun:test";
import { compileMatch, type HookPoint } from "../../src/hooks/match.ts";
import type { Match, Protocol } from "../../src/hooks/plugin.ts";
import { parseJsonPath, sizeRange } from "../../src/hooks/payload.ts";
import { numbers, underRules } from "./house.ts";

/** Which of the messages a rule with this match drops. */
async function dropped(match: Match): Promise<string[]> {
  const { t, send, publisher, texts } = await underRules({ match, fault: "drop" });
  const seen = new Set(await send("sensors/hall/temperature", "plain text", "longer text, much longer than the others are"));
  publisher.publish("orders", JSON.stringify({ customer: { country: "DE" }, items: [{ price: 5 }, { price: 150 }], note: "json" }), {
    qos: 0,
    retain: false,
  });
  publisher.publish("orders", "with header", {
    qos: 0,
    properties: {
      userProperties: [
        ["kind", "test"],
        ["n", "7"],
      ],
    },
  });
  const other = await t.client(4, { clientId: "other-1", username: "eve", password: Buffer.from("x") });
  other.publish("orders/late", "from other", { qos: 0 });
  for (const text of await texts()) seen.add(text);
  return ["plain", "longer", "{", "with header", "from other"].filter((start) => ![...seen].some((text) => text.startsWith(start)));
}

describe("match", () => {
  const ALL = ["plain", "longer", "{", "with header", "from other"];
  test.each([
    [{}, ALL],
    [{ protocol: "mqtt" }, ALL],
    [{ protocol: ["kafka", "mqtt"] }, ALL],
    [{ topic: "orders" }, ["{", "with header"]],
    [{ topic: "orders/#" }, ["{", "with header", "from other"]],
    [{ topic: "sensors/+/temperature" }, ["plain", "longer"]],
    [{ topic: ["orders", "sensors/*"] }, ["plain", "longer", "{", "with header"]],
    [{ topic: "/^orders/" as never }, ["{", "with header", "from other"]],
    [{ topic: /LATE$/i }, ["from other"]],
    [{ address: "orders" }, ["{", "with header"]],
    [{ client: "other-*" }, ["from other"]],
    [{ client: "pub", connection: 1 }, ["plain", "longer", "{", "with header"]],
    [{ connection: 2 }, []],
    [{ user: "eve" }, ["from other"]],
    [{ transport: "memory" }, ALL],
    [{ transport: "tls" }, []],
    [{ direction: "in" }, ALL],
    [{ header: { kind: "test" } }, ["with header"]],
    [{ header: { kind: "t*", n: 7 } }, ["with header"]],
    [{ header: { kind: "*", other: "*" } }, []],
    [{ payload: "text" }, ["plain", "longer"]],
    [{ payload: /^(plain|from)/ }, ["plain", "from other"]],
    [{ payload: "/^(plain|from)/" }, ["plain", "from other"]],
    [{ payload: { contains: "text", matches: "^plain" } }, ["plain"]],
    [{ payload: { json: "$.customer.country" } }, ["{"]],
    [{ payload: { json: { "$.customer.country": "D?" } } }, ["{"]],
    [{ payload: { json: { "customer.country": ["FR", "DE"] } } }, ["{"]],
    [{ payload: { json: { "$.customer.country": "FR" } } }, []],
    [{ payload: { json: { "$.items[*].price": "> 100" } } }, ["{"]],
    [{ payload: { json: { "$.items[0].price": ">= 100" } } }, []],
    [{ payload: { json: { "$..price": 150 } } }, ["{"]],
    [{ size: "> 40" }, ["longer", "{"]],
    [{ size: { min: 20, max: "1KiB" } }, ["longer", "{"]],
    [{ size: 10 }, ["plain", "from other"]],
    [{ size: "11..20" }, ["with header"]],
  ] as [Match, string[]][])("%j", async (match, expected) => expect(await dropped(match)).toEqual(expected));

  test("direction out: on the way to the consumers", async () => {
    const { send, rule } = await underRules({ match: { direction: "out", client: "sub" }, fault: "drop" });
    expect(await send("a", ...numbers(3))).toEqual([]);
    expect(rule.fired).toBe(3);
  });

  test.each([
    [{ topic: "a" }, "message", "amqp"],
    [{ exchange: "a" }, "message", "kafka"],
    [{ queue: "a" }, "message", "amqp"],
    [{ group: "a" }, "message", "kafka"],
    [{ operation: "Produce" }, "message", "kafka"],
    [{ payload: "a" }, "request", "mqtt"],
    [{ header: { a: "b" } }, "response", "kafka"],
    [{ key: "a" }, "message", "mqtt"],
    [{ partition: 1 }, "delivery", "amqp"],
    [{ direction: "out" }, "message", "mqtt"],
    [{ topic: "a" }, "connect", "kafka"],
  ] as [Match, HookPoint, Protocol][])("%j can be nothing at %s of %s, which is known before anything happens", (match, point, protocol) =>
    expect(compileMatch(match, point, protocol)).toBeNull(),
  );

  test("what names another topic or client is told by name, without an event", () => {
    const selects = (match: Match) => compileMatch(match, "message", "mqtt")!.selects({ clientId: "c", ordinal: 1 } as never, "a/b");
    expect([{ topic: "x" }, { client: "d" }, { connection: 2 }, { address: "b" }].map(selects)).toEqual([false, false, false, false]);
    expect([{ topic: "a/+" }, { client: "c" }, { connection: 1 }, { payload: "x" }].map(selects)).toEqual([true, true, true, true]);
  });
});

test.each([
  ["$", []],
  ["$.a.b", ["a", "b"]],
  ["a[0]", ["a", 0]],
  ["$['a b'][*].c", ["a b", "*", "c"]],
  ["$.*", ["*"]],
  ["a..", null],
  ["$.a[", null],
  ["", []],
] as const)("JSON path %p", (path, steps) => expect(parseJsonPath(path)).toEqual(steps as never));

test.each([
  ["> 1KiB", 1025, Infinity],
  [">=10", 10, Infinity],
  ["< 10", 0, 9],
  ["<= 10", 0, 10],
  ["1KiB..2KiB", 1024, 2048],
  [7, 7, 7],
] as const)("size %p", (size, min, max) => expect(sizeRange(size)).toEqual({ min, max }));
