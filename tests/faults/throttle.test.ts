import { expect, test } from "bun:test";
import { outcome, texts, within, World } from "../support/chaos.ts";

test("Kafka: the answer says so, and the channel is muted for as long", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", client: "producer" }, when: { once: true }, fault: { throttle: { ms: "20s" } } },
  ]);
  const producer = await world.producer();
  const throttled: unknown[] = [];
  const told = producer.events.REQUEST as string;
  producer.on(told as never, ((event: any) => event.payload.apiName === "Produce" && throttled.push(event.payload)) as never);
  // Answered at once, with the time to wait.
  await producer.send({ topic: "orders", messages: [{ value: "1" }] });
  expect(world.havoq.journal.entries()).toMatchObject([
    { name: "Produce", verdict: "replace", detail: { changes: { throttleTimeMs: 20_000 } }, reason: "throttle" },
  ]);
  // KafkaJS sends nothing for as long, and nothing of it would be read.
  const next = producer.send({ topic: "orders", messages: [{ value: "2" }] });
  expect(await within(150, next)).toBe("silence");
}, 15_000);

test("Kafka: a client that does not care is not listened to", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", operation: "Metadata" }, when: { once: true }, fault: { throttle: { ms: "20s" } } },
  ]);
  const { connect } = await import("node:net");
  const metadata = Buffer.from("00000011" + "00030001" + "00000001" + "0003" + "616263" + "00000000", "hex");
  const socket = connect({ port: world.kafkaPort, host: "127.0.0.1" });
  const answer = () => new Promise<Buffer>((resolve) => socket.once("data", resolve));
  socket.write(metadata);
  await answer();
  socket.write(metadata);
  const second = answer();
  expect(await within(100, second)).toBe("silence");
  await world.havoq.clock.advance(20_000);
  await second;
  socket.destroy();
}, 15_000);

test("MQTT: Quota exceeded where there is an answer, else the client waits", async () => {
  await using world = await World.under([
    { match: { protocol: "mqtt", topic: "orders" }, when: { times: 2 }, fault: { throttle: { ms: "20s" } } },
  ]);
  const peer = await world.peer("mqtt");
  expect(await outcome(peer.send("1"))).toContain("Quota exceeded");
  const old = await world.mqtt("old", { protocolVersion: 4 });
  const sent = old.publishAsync("orders", "2", { qos: 1 });
  await world.havoq.control.waitFor(() => world.reasons.length === 2);
  expect(await within(100, sent)).toBe("silence");
  await world.havoq.clock.advance(20_000);
  await sent;
  expect(texts(await peer.take(1))).toEqual(["2"]);
}, 15_000);

test("MQTT: CONNACK grants so many at a time", async () => {
  await using world = await World.under([{ match: { protocol: "mqtt" }, fault: { throttle: { receive_maximum: 3 } } }]);
  const { default: mqtt } = await import("mqtt");
  const client = mqtt.connect(`mqtt://127.0.0.1:${world.mqttPort}`, { protocolVersion: 5, reconnectPeriod: 0 });
  const connack: any = await new Promise((resolve) => client.once("connect", resolve));
  expect(connack.properties.receiveMaximum).toBe(3);
  await client.endAsync(true);
}, 15_000);

test("AMQP: connection.blocked, nothing is read, connection.unblocked", async () => {
  await using world = await World.under([
    { match: { protocol: "amqp", exchange: "orders" }, when: { once: true }, fault: { throttle: { ms: "20s" } } },
  ]);
  const connection = await world.amqp("producer");
  const said: string[] = [];
  connection.on("blocked", (reason) => said.push(`blocked: ${reason}`));
  connection.on("unblocked", () => said.push("unblocked"));
  const channel = await world.confirmChannel(connection);
  await channel.assertExchange("orders", "fanout");
  const sent = new Promise<void>((resolve, reject) =>
    channel.publish("orders", "", Buffer.from("1"), {}, (error) => (error === null ? resolve() : reject(error))),
  );
  await world.havoq.control.waitFor(() => said.length === 1);
  expect(await within(100, sent)).toBe("silence");
  expect(said).toEqual(["blocked: throttle"]);
  await world.havoq.clock.advance(20_000);
  await sent;
  expect(said).toEqual(["blocked: throttle", "unblocked"]);
}, 15_000);
