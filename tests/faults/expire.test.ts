import { expect, test } from "bun:test";
import { texts, World } from "../support/chaos.ts";

test("Kafka: retention has passed, the consumer learns that its offset is out of range and goes on behind it", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", client: "consumer", payload: "/2/" }, when: { once: true }, fault: "expire" },
  ]);
  const peer = await world.peer("kafka");
  for (const text of ["1", "2", "3"]) await peer.send(text);
  expect(texts(await peer.take(1))).toEqual(["3"]);
  expect(world.havoq.kafka!.topics.get("orders")!.partitions[0]!.log.start).toBe(2);
  expect(world.reasons).toEqual(["expire"]);
}, 15_000);

test("MQTT: a message that was kept for a client is gone when it could be had", async () => {
  await using world = await World.under([{ match: { protocol: "mqtt", topic: "orders" }, when: { once: true }, fault: "expire" }]);
  const peer = await world.peer("mqtt");
  await peer.send("1");
  await peer.send("2");
  expect(texts(await peer.take(1))).toEqual(["2"]);
  expect(world.havoq.mqtt!.sessions.get("consumer")!.unacknowledged).toBeLessThanOrEqual(1);
  await world.havoq.control.waitFor(() => world.havoq.mqtt!.sessions.get("consumer")!.unacknowledged === 0);
}, 15_000);

test("AMQP: the message is dead-lettered as expired", async () => {
  await using world = await World.under([{ match: { protocol: "amqp", queue: "short" }, when: { once: true }, fault: "expire" }]);
  const channel = await world.confirmChannel(await world.amqp("a"));
  await channel.assertQueue("dead");
  await channel.assertQueue("short", { deadLetterExchange: "", deadLetterRoutingKey: "dead" });
  for (const text of ["1", "2"]) channel.sendToQueue("short", Buffer.from(text));
  await channel.waitForConfirms();
  const first = Promise.withResolvers<string>();
  await channel.consume("short", (message) => first.resolve(message!.content.toString()), { noAck: true });
  expect(await first.promise).toBe("2");
  await world.havoq.control.waitFor(() => world.havoq.amqp!.vhosts.get("/")!.queues.get("dead")!.items.ready === 1);
  const dead = await channel.get("dead", { noAck: true });
  if (dead === false) throw new Error("the dead letter is not there");
  expect(dead.content.toString()).toBe("1");
  expect((dead.properties.headers as any)["x-death"][0]).toMatchObject({ reason: "expired", queue: "short" });
}, 15_000);
