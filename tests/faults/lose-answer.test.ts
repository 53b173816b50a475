import { describe, expect, test } from "bun:test";
import { outcome, PROTOCOLS, texts, within, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  const destination = protocol === "amqp" ? { exchange: "orders" } : { topic: "orders" };

  test("the message is there, but nobody says so", async () => {
    await using world = await World.under([{ match: { protocol, ...destination }, when: { once: true }, fault: "lose-answer" }]);
    const peer = await world.peer(protocol);
    expect(await within(150, peer.send("1"))).toBe("silence");
    expect(texts(await peer.take(1))).toEqual(["1"]);
    expect(world.reasons).toEqual(["lose-answer"]);
    if (protocol === "kafka") return;
    await peer.send("2"); // the next one is answered
  }, 15_000);

  test("or the connection is cut instead", async () => {
    await using world = await World.under([{ match: { protocol }, when: { once: true }, fault: { "lose-answer": { cut: true } } }]);
    const peer = await world.peer(protocol);
    expect(await outcome(peer.send("1"))).not.toBe("answered");
    expect(texts(await peer.take(1))).toEqual(["1"]);
  }, 15_000);
});

test("KafkaJS gives up after its own time-out, sends again once the connection is cut, and the message is there twice", async () => {
  await using world = await World.under([
    { match: { operation: "Produce" }, when: { once: true }, fault: { "lose-answer": { ms: "20s" } } },
  ]);
  const producer = await world.producer(
    { requestTimeout: 1000, retry: { retries: 5, initialRetryTime: 10 } },
    { retry: { retries: 5, initialRetryTime: 10 } },
  );
  let patience = 0;
  producer.on(producer.events.REQUEST_TIMEOUT, () => {
    patience++;
    void world.havoq.clock.advance(20_000);
  });
  await producer.send({ topic: "orders", messages: [{ value: "1" }] });
  expect(patience).toBe(1);
  expect(world.havoq.kafka!.topics.get("orders")!.partitions[0]!.highWatermark).toBe(2);
}, 15_000);

test("any operation can lose its answer", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", operation: "CreateTopics" }, fault: "lose-answer" },
    { match: { protocol: "mqtt", operation: "SUBACK" }, fault: "lose-answer" },
    { match: { protocol: "amqp", operation: "queue.declare-ok" }, fault: "lose-answer" },
  ]);
  const admin = world.kafka("admin", { requestTimeout: 1000 }).admin();
  await admin.connect();
  expect(await outcome(admin.createTopics({ topics: [{ topic: "new" }] }))).toContain("timed out");
  expect(world.havoq.kafka!.topics.has("new")).toBe(true);
  await admin.disconnect();
  expect(await within(100, (await world.mqtt("m")).subscribeAsync("a"))).toBe("silence");
  await world.havoq.control.waitFor(() => world.reasons.length === 2);
  expect(world.havoq.mqtt!.clients()[0]!.subscriptions).toEqual([{ filter: "a", qos: 0 }]);
  expect(await within(100, (await (await world.amqp("a")).createChannel()).assertQueue("new"))).toBe("silence");
  await world.havoq.control.waitFor(() => world.reasons.length === 3);
  expect(world.havoq.amqp!.vhosts.get("/")!.queues.has("new")).toBe(true);
}, 15_000);
