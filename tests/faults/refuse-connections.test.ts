import { describe, expect, test } from "bun:test";
import { PROTOCOLS, World } from "../support/chaos.ts";

const why = (promise: Promise<unknown>): Promise<string> => promise.then(() => "in", String);

describe.each(PROTOCOLS)("%s", (protocol) => {
  const enter = (world: World, name: string): Promise<unknown> => {
    if (protocol === "mqtt") return world.mqtt(name);
    if (protocol === "amqp") return world.amqp(name);
    const admin = world.kafka(name).admin();
    return admin.connect().then(() => admin.disconnect());
  };

  test.each(["reset", "fin"] as const)(
    "a client is turned away by %s, another comes in, and so does the first once the rule is gone",
    async (how) => {
      await using world = await World.under([
        { name: "away", match: { protocol, client: "stranger" }, fault: { "refuse-connections": { how } } },
      ]);
      expect(await why(enter(world, "stranger"))).not.toBe("in");
      expect(await why(enter(world, "friend"))).toBe("in");
      expect(world.havoq.journal.entries()).toMatchObject([
        { name: "", verdict: "close", detail: { reset: how === "reset" }, reason: "refuse-connections" },
      ]);
      world.havoq.rules.remove("away");
      expect(await why(enter(world, "stranger"))).toBe("in");
    },
    15_000,
  );
});

test("with the protocol's error", async () => {
  await using world = await World.under([
    { match: { protocol: "mqtt" }, fault: { "refuse-connections": { code: "Server busy" } } },
    { match: { protocol: "amqp" }, fault: { "refuse-connections": { code: "CONNECTION_FORCED" } } },
  ]);
  expect(await why(world.mqtt("m"))).toContain("Server busy");
  expect(await why(world.mqtt("m", { protocolVersion: 4 }))).toContain("Server unavailable");
  expect(await why(world.amqp("a"))).toContain("ConnectionClose");
  expect(() =>
    world.havoq.rules.add({ match: { protocol: "kafka" }, fault: { "refuse-connections": { code: "BROKER_NOT_AVAILABLE" } } }),
  ).toThrow("Kafka has no answer");
  expect(() => world.havoq.rules.add({ fault: { "refuse-connections": { code: "Server bussy" } } })).toThrow("did you mean Server busy?");
}, 15_000);
