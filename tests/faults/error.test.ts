import { describe, expect, test } from "bun:test";
import { outcome, PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each([
  ["kafka", "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS"],
  ["mqtt", "Quota exceeded", "Quota exceeded"],
  ["amqp", "nack", "nacked"],
] as const)("%s", (protocol, code, said) => {
  test("a message is refused with it, and the next one goes", async () => {
    await using world = await World.under([{ match: { protocol, client: "producer" }, when: { once: true }, fault: { error: { code } } }]);
    const peer = await world.peer(protocol);
    const refused = await peer.send("1").then(
      () => "answered",
      (error) => `${error.type} ${error.cause?.type} ${error}`,
    );
    expect(refused).toContain(said);
    await peer.send("2");
    expect(texts(await peer.take(1))).toEqual(["2"]);
    expect(world.reasons).toEqual(["error"]);
  }, 15_000);
});

test("an operation is answered with it", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", operation: "CreateTopics" }, fault: { error: { code: "POLICY_VIOLATION" } } },
    { match: { protocol: "mqtt", operation: "SUBSCRIBE" }, fault: { error: { code: "Not authorized" } } },
    { match: { protocol: "amqp", operation: "queue.declare" }, fault: { error: { code: "RESOURCE_LOCKED", message: "somebody has it" } } },
  ]);
  const admin = world.kafka("admin").admin();
  await admin.connect();
  const failed = await admin.createTopics({ topics: [{ topic: "new" }] }).catch((error) => error);
  expect(`${failed.errors?.[0]?.type ?? failed.type}`).toBe("POLICY_VIOLATION");
  await admin.disconnect();
  const granted = await (await world.mqtt("m")).subscribeAsync("a").catch((error) => error);
  expect(`${granted}`).toContain("Not authorized");
  const channel = await (await world.amqp("a")).createChannel();
  channel.on("error", () => undefined);
  expect(await outcome(channel.assertQueue("q"))).toContain('405 (RESOURCE-LOCKED) with message "RESOURCE_LOCKED - somebody has it"');
}, 15_000);

test("on the way out it was carried out all the same", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", operation: "Produce", direction: "out" }, fault: { error: { code: "REQUEST_TIMED_OUT" } } },
  ]);
  const peer = await world.peer("kafka");
  const refused = await peer.send("1").then(
    () => "answered",
    (error) => `${error.type} ${error.cause?.type}`,
  );
  expect(refused).toContain("REQUEST_TIMED_OUT");
  expect(texts(await peer.take(1))).toEqual(["1"]);
}, 15_000);

test("names are checked", async () => {
  await using world = await World.under([]);
  const add = (match: object, code: string) => () => world.havoq.rules.add({ match, fault: { error: { code } } });
  expect(add({ protocol: "kafka" }, "NOT_LEADER_OR_FOLOWER")).toThrow(
    "fault.error.code: kafka has no error NOT_LEADER_OR_FOLOWER: did you mean NOT_LEADER_OR_FOLLOWER?",
  );
  expect(add({ protocol: "mqtt" }, "NOT_FOUND")).toThrow("mqtt has no error NOT_FOUND");
  expect(add({}, "Quota exceded")).toThrow("did you mean Quota exceeded?");
  expect(add({ protocol: "amqp", queue: "q" }, "NOT_FOUND")).toThrow("a delivery has no answer");
  for (const protocol of PROTOCOLS)
    add({ protocol }, { kafka: "UNKNOWN_SERVER_ERROR", mqtt: "Server busy", amqp: "INTERNAL_ERROR" }[protocol])();
  // Without a protocol it is for those that have it.
  add({}, "NOT_FOUND")();
  const amqp = await world.peer("mqtt");
  expect(await outcome(amqp.send("x"))).not.toContain("NOT_FOUND");
});
