import { describe, expect, test } from "bun:test";
import { PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("a message is stored twice", async () => {
    await using world = await World.under([{ match: { protocol, client: "producer" }, when: { nth: 1 }, fault: "duplicate" }]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    await peer.send("2");
    const got = await peer.take(3);
    expect(texts(got)).toEqual(["1", "1", "2"]);
    expect(got.some(({ again }) => again)).toBe(false); // two messages, not one that is redelivered
    expect(world.reasons).toEqual(["duplicate"]);
  }, 15_000);
});

describe.each(["mqtt", "amqp"] as const)("%s", (protocol) => {
  test("a delivery comes twice, the second time as a redelivery", async () => {
    await using world = await World.under([{ match: { protocol, direction: "out" }, fault: { duplicate: { times: 2 } } }]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    expect((await peer.take(3)).map(({ text, again }) => [text, again])).toEqual([
      ["1", false],
      ["1", true],
      ["1", true],
    ]);
  });
});

test("Kafka has no deliveries to double, and the rule is told so", async () => {
  await using world = await World.under([]);
  expect(() => world.havoq.rules.add({ match: { protocol: "kafka", direction: "out" }, fault: "duplicate" })).toThrow(
    "two records cannot have one",
  );
  expect(() => world.havoq.rules.add({ match: { operation: "Produce" }, fault: "duplicate" })).toThrow("duplicate acts on messages");
  // Without a protocol it is for the two that have them.
  world.havoq.rules.add({ match: { direction: "out" }, fault: "duplicate" });
});
