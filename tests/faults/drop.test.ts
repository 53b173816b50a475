import { describe, expect, test } from "bun:test";
import { outcome, PROTOCOLS, texts, within, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("a message is acknowledged, and nobody gets it", async () => {
    await using world = await World.under([{ match: { protocol, client: "producer" }, when: { nth: 2 }, fault: "drop" }]);
    const peer = await world.peer(protocol);
    for (const text of ["1", "2", "3"]) await peer.send(text);
    expect(texts(await peer.take(2))).toEqual(["1", "3"]);
    expect(world.reasons).toEqual(["drop"]);
  }, 15_000);

  test("a delivery never comes, although the message is there", async () => {
    await using world = await World.under([
      { match: { protocol, client: "consumer", direction: "out" }, when: { nth: 1 }, fault: { drop: {} } },
    ]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    await peer.send("2");
    expect(texts(await peer.take(1))).toEqual(["2"]);
    expect(world.reasons[0]).toBe("drop");
  }, 15_000);
});

test("an operation is neither carried out nor answered", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", operation: "CreateTopics" }, fault: "drop" },
    { match: { protocol: "mqtt", operation: "SUBSCRIBE" }, fault: "drop" },
    { match: { protocol: "amqp", operation: "queue.declare" }, fault: "drop" },
  ]);
  const admin = world.kafka("admin", { requestTimeout: 1000 }).admin();
  await admin.connect();
  expect(await outcome(admin.createTopics({ topics: [{ topic: "new" }] }))).toContain("timed out");
  expect(world.havoq.kafka!.topics.has("new")).toBe(false);
  await admin.disconnect();
  expect(await within(100, (await world.mqtt("m")).subscribeAsync("a"))).toBe("silence");
  expect(await within(100, (await (await world.amqp("a")).createChannel()).assertQueue("new"))).toBe("silence");
}, 15_000);
