import { describe, expect, test } from "bun:test";
import { PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("bytes are late by uneven times, and all arrive in order", async () => {
    await using world = await World.under([{ match: { protocol }, fault: { jitter: { ms: 20 } } }]);
    const peer = await world.peer(protocol);
    for (const text of ["1", "2", "3", "4"]) await peer.send(text);
    expect(texts(await peer.take(4))).toEqual(["1", "2", "3", "4"]);
    const delays = world.havoq.journal.entries().map(({ detail }) => (detail as { ms: number }).ms);
    expect(delays.every((ms) => ms >= 0 && ms <= 20)).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(3);
    expect(new Set(world.havoq.journal.entries().map(({ name }) => name))).toEqual(new Set(["in", "out"]));
  }, 15_000);

  test("or messages, where the rule names them", async () => {
    await using world = await World.under([
      { match: { protocol, ...(protocol === "amqp" ? { exchange: "orders" } : { topic: "orders" }) }, fault: { jitter: { ms: 5 } } },
    ]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    expect(world.havoq.journal.entries()).toMatchObject([{ name: "orders", verdict: "delay", reason: "jitter" }]);
    expect(texts(await peer.take(1))).toEqual(["1"]);
  }, 15_000);
});
