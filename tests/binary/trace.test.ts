/** `--trace` of the compiled binary, with real clients of all three protocols. */
import { expect, test } from "bun:test";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { startBinary } from "../support/binary.ts";

test("prints operations of all three protocols, both ways, and no password", async () => {
  const broker = await startBinary({ args: ["--trace"] });
  const kafka = new Kafka({ clientId: "shop", brokers: broker.kafka.brokers.split(","), logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: "orders", messages: [{ value: "hello" }] });
  await producer.disconnect();
  const sensor = await mqtt.connectAsync(broker.mqtt.url, { clientId: "sensor", username: "u", password: "swordfish" });
  await sensor.publishAsync("hall", "21.5", { qos: 1 });
  await sensor.endAsync();
  const connection = await amqplib.connect(broker.amqp.url, { clientProperties: { connection_name: "worker" } });
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue("tasks");
  channel.sendToQueue("tasks", Buffer.from("task"));
  await channel.waitForConfirms();
  await connection.close();
  await broker.stop();

  const lines = broker.stderr.split("\n");
  for (const expected of [
    /^\d+\.\d{3} kafka → shop@1#1 Produce v\d+ \{ .*topicData: \[\{ name: "orders"/,
    /kafka ← shop@1#1 Produce v\d+ \{ responses: /,
    /mqtt → sensor#1 CONNECT .*password: \(hidden\)/,
    /mqtt → sensor#1 PUBLISH .*topic: "hall", payload: "21\.5", qos: 1/,
    /mqtt ← sensor#1 PUBACK /,
    /amqp → worker#1 queue\.declare .*queue: "tasks"/,
    /amqp → worker#1 message  ?\{ key: "tasks", payload: "task" \}/,
    /amqp ← worker#1 basic\.ack \{ deliveryTag: 1, multiple: false \}/,
  ]) {
    expect([expected.source, lines.some((line) => expected.test(line))]).toEqual([expected.source, true]);
  }
  expect(broker.stderr).not.toContain("swordfish");
}, 60_000);
