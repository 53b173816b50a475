import { describe, expect, test } from "bun:test";
import { Random } from "../../src/hooks/random.ts";
import latency from "../../src/rules/faults/latency.ts";
import { check } from "../../src/core/shape.ts";
import { PROTOCOLS, texts, within, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("a message is acknowledged, and arrives, when its time has come", async () => {
    await using world = await World.under([{ match: { protocol, client: "producer" }, fault: { latency: { ms: "1m" } } }]);
    const peer = await world.peer(protocol);
    let answered = false;
    const sent = peer.send("1").then(() => (answered = true));
    await world.havoq.control.waitFor(() => world.reasons.length === 1);
    await world.havoq.clock.advance(50_000);
    expect(answered).toBe(false);
    await world.havoq.clock.advance(10_000);
    await sent;
    expect(texts(await peer.take(1))).toEqual(["1"]);
    expect(world.reasons).toEqual(["latency"]);
  }, 15_000);

  test("a delivery is late, in order", async () => {
    await using world = await World.under([
      { match: { protocol, client: "consumer", direction: "out" }, when: { nth: 1 }, fault: { latency: { ms: 100 } } },
    ]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    await peer.send("2");
    expect(texts(await peer.take(2))).toEqual(["1", "2"]);
    expect(world.reasons).toEqual(["latency"]);
  }, 15_000);
});

test("an operation is late, in each protocol", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", operation: "Metadata", client: "admin" }, fault: { latency: { ms: "20s" } } },
    { match: { protocol: "mqtt", operation: "SUBSCRIBE" }, fault: { latency: { ms: "20s" } } },
    { match: { protocol: "amqp", operation: "queue.declare-ok", direction: "out" }, fault: { latency: { ms: "20s" } } },
  ]);
  const [m, a] = [await world.mqtt("m"), await (await world.amqp("a")).createChannel()];
  const admin = world.kafka("admin").admin();
  const waiting = [m.subscribeAsync("x"), a.assertQueue("q"), admin.connect().then(() => admin.listTopics())];
  expect(await within(50, Promise.race(waiting))).toBe("silence");
  await world.havoq.control.waitFor(() => world.reasons.length === 3);
  // Metadata is asked for more than once, the next time only when the first is answered.
  do await world.havoq.clock.advance(20_000);
  while ((await within(20, Promise.all(waiting))) === "silence");
  await Promise.all(waiting);
  await admin.disconnect();
}, 15_000);

describe("the options", () => {
  /** A thousand delays as the options have them. */
  function drawn(options: object, now: (i: number) => number = () => 0): number[] {
    const { message } = latency.plugin!(check(latency.options, options), {}) as any;
    return Array.from({ length: 1000 }, (_, i) => message({}, { random: new Random({ a: 1, b: 2 }, i), clock: { now: () => now(i) } }).ms);
  }
  const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;

  test("fixed and uniform", () => {
    expect(new Set(drawn({ ms: "2s" }))).toEqual(new Set([2000]));
    const uniform = drawn({ ms: { from: 100, to: 300 } });
    expect([Math.min(...uniform) >= 100, Math.max(...uniform) <= 300]).toEqual([true, true]);
    expect(Math.abs(mean(uniform) - 200)).toBeLessThan(10);
  });

  test("normal", () => {
    const normal = drawn({ normal: { mean: 500, deviation: 100 } });
    expect(Math.abs(mean(normal) - 500)).toBeLessThan(15);
    expect(Math.abs(Math.sqrt(mean(normal.map((ms) => (ms - 500) ** 2))) - 100)).toBeLessThan(15);
    expect(Math.min(...drawn({ normal: { mean: 0, deviation: 100 } }))).toBe(0);
  });

  test("Pareto: most near the least, some far out, none beyond the most", () => {
    const pareto = drawn({ pareto: { least: 10, shape: 1, most: "1s" } }).sort((a, b) => a - b);
    expect(pareto[0]).toBeGreaterThanOrEqual(10);
    expect(pareto[500]).toBeLessThan(25);
    expect(pareto[995]).toBeGreaterThan(500);
    expect(pareto[999]).toBeLessThanOrEqual(1000);
  });

  test("a ramp grows from the first time on and stays", () => {
    const ramp = drawn({ ramp: { to: 1000, over: "10s" } }, (i) => 5_000_000 + i * 100);
    expect([ramp[0], ramp[50], ramp[100], ramp[500]]).toEqual([0, 500, 1000, 1000]);
  });

  test.each([[{}], [{ ms: 1, ramp: { to: 1, over: 1 } }], [{ ms: { from: 2, to: 1 } }], [{ ms: "soon" }], [{ mss: 1 }]])(
    "%j does not fit",
    (options) => {
      expect(() => check(latency.options, options)).toThrow();
    },
  );
});
