import { describe, expect, test } from "bun:test";
import { PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test.each(["in", "out"] as const)(
    "%s: so many bytes take so long",
    async (direction) => {
      const client = direction === "in" ? "producer" : "consumer";
      await using world = await World.under([{ match: { protocol, client, direction }, fault: { bandwidth: { rate: "100KiB" } } }]);
      const peer = await world.peer(protocol);
      const began = performance.now();
      const text = "x".repeat(25 * 1024);
      const sent = peer.send(text);
      expect(texts(await peer.take(1))).toEqual([text]);
      await sent;
      expect(performance.now() - began).toBeGreaterThan(240);
      expect(world.reasons.every((reason) => reason.startsWith("bandwidth: "))).toBe(true);
    },
    15_000,
  );

  test("the other connections are not slowed down", async () => {
    await using world = await World.under([{ match: { protocol, client: "other" }, fault: { bandwidth: { rate: 1 } } }]);
    const peer = await world.peer(protocol);
    await peer.send("x".repeat(100_000));
    await peer.take(1);
    expect(world.reasons).toEqual([]);
  }, 15_000);
});
