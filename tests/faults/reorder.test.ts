import { describe, expect, test } from "bun:test";
import { PROTOCOLS, texts, World } from "../support/chaos.ts";

const SENT = Array.from({ length: 20 }, (_, i) => String(i));

/** Furthest that one came from its place. */
const furthest = (got: string[]): number => Math.max(...got.map((text, i) => Math.abs(Number(text) - i)));

describe.each(PROTOCOLS)("%s", (protocol) => {
  /** What arrives of twenty messages, of which the last wait until the clock has moved on. */
  async function order(window: number, match: object): Promise<string[]> {
    await using world = await World.under([{ match: { protocol, ...match }, fault: { reorder: { window, ms: "20s" } } }]);
    const peer = await world.peer(protocol);
    if (protocol === "kafka") for (const text of SENT) await peer.send(text);
    else {
      const sent = SENT.map((text) => peer.send(text));
      await world.havoq.control.waitFor(() => world.havoq.rules.list()[0]!.matched === SENT.length);
      await world.havoq.clock.advance(20_000);
      await Promise.all(sent);
    }
    await world.havoq.clock.advance(20_000);
    const got = texts(await peer.take(SENT.length));
    expect(world.reasons.every((reason) => reason === "reorder")).toBe(true);
    return got;
  }

  test("messages change places within the window, the same with the same seed", async () => {
    const got = await order(4, { client: "producer" });
    expect(got).not.toEqual(SENT);
    expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(SENT);
    expect(furthest(got)).toBeLessThan(4 * 2);
    expect(await order(4, { client: "producer" })).toEqual(got);
    expect(furthest(await order(20, { client: "producer" }))).toBeGreaterThan(3);
  }, 20_000);
});

describe.each(["mqtt", "amqp"] as const)("%s", (protocol) => {
  test("deliveries change places too", async () => {
    await using world = await World.under([
      { match: { protocol, client: "consumer", direction: "out" }, fault: { reorder: { window: 5, ms: "20s" } } },
    ]);
    const peer = await world.peer(protocol);
    await Promise.all(SENT.map((text) => peer.send(text)));
    await world.havoq.control.waitFor(() => world.havoq.rules.list()[0]!.matched === SENT.length);
    await world.havoq.clock.advance(20_000);
    const got = texts(await peer.take(SENT.length));
    expect(got).not.toEqual(SENT);
    expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(SENT);
  }, 15_000);
});

test("of Kafka's deliveries a rule is told that they cannot", async () => {
  await using world = await World.under([]);
  expect(() => world.havoq.rules.add({ match: { protocol: "kafka", direction: "out" }, fault: "reorder" })).toThrow("go by offsets");
});
