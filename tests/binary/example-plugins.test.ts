/** The three plugins in `plugins/`, loaded by the compiled binary from a temporary folder, as real clients meet them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { startBinary, type RunningBinary } from "../support/binary.ts";

/** A broker with one of the example plugins and its options. */
async function brokerWith(plugin: string, options: object): Promise<RunningBinary & { folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "havoq-plugins-"));
  copyFileSync(resolve(import.meta.dirname, "../../plugins", `${plugin}.ts`), join(folder, `${plugin}.ts`));
  const config = join(folder, "havoq.yaml");
  await Bun.write(config, JSON.stringify({ plugins: { dir: folder, options: { [plugin]: options } } }));
  const broker = await startBinary({ args: ["--config", config, "--seed", "42"] });
  return Object.assign(broker, { folder });
}

async function counters(broker: RunningBinary): Promise<Record<string, number>> {
  const plugins = (await (await fetch(`${broker.admin.url}/api/plugins`)).json()) as { errors: number; counters: Record<string, number> }[];
  expect(plugins.map(({ errors }) => errors)).toEqual([0]);
  return plugins[0]!.counters;
}

function kafkaOf(broker: RunningBinary, options: object = {}): Kafka {
  return new Kafka({ clientId: "test", brokers: broker.kafka.brokers.split(","), logLevel: logLevel.NOTHING, ...options });
}

/** Everything on a topic, read by a consumer of its own until `count` values are there. */
async function readAll(kafka: Kafka, topic: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `reader-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const got: string[] = [];
  const all = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ message }) => {
      got.push(message.value!.toString());
      if (got.length >= count) all.resolve();
    },
  });
  await all.promise;
  await consumer.disconnect();
  return got;
}

describe("latency-by-topic", () => {
  let broker: RunningBinary & { folder: string };
  beforeAll(async () => void (broker = await brokerWith("latency-by-topic", { "slow.*": 300, "slow/#": { from: 200, to: 400 } })));
  afterAll(async () => {
    await broker.stop();
    rmSync(broker.folder, { recursive: true });
  });

  // A lower bound only: being later than asked for is not the plugin's fault.
  const took = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };

  test("Kafka: a slow topic is late, others are not touched", async () => {
    const producer = kafkaOf(broker).producer();
    await producer.connect();
    await producer.send({ topic: "quick.orders", messages: [{ value: "warm up" }] });
    expect(await took(() => producer.send({ topic: "slow.orders", messages: [{ value: "x" }] }))).toBeGreaterThan(295);
    await producer.send({ topic: "quick.orders", messages: [{ value: "x" }] });
    await producer.disconnect();
    const journal = await (await fetch(`${broker.admin.url}/api/journal`)).text();
    expect(journal.split("\n").filter((line) => line.includes('"protocol":"kafka"') && line.includes('"verdict":"delay"'))).toHaveLength(1);
  });

  test("MQTT: late, and in order", async () => {
    const client = await mqtt.connectAsync(broker.mqtt.url);
    const got: string[] = [];
    const done = Promise.withResolvers<void>();
    client.on("message", (topic, payload) => {
      got.push(`${topic} ${payload}`);
      if (got.length === 3) done.resolve();
    });
    await client.subscribeAsync("#", { qos: 1 });
    const elapsed = await took(async () => {
      client.publish("slow/hall", "1", { qos: 1 });
      client.publish("slow/hall", "2", { qos: 1 });
      client.publish("quick/hall", "3", { qos: 1 });
      await done.promise;
    });
    expect(got).toEqual(["slow/hall 1", "slow/hall 2", "quick/hall 3"]);
    expect(elapsed).toBeGreaterThan(395);
    await client.endAsync();
  });

  test("AMQP: late by exchange", async () => {
    const connection = await amqplib.connect(broker.amqp.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange("slow.tasks", "fanout");
    expect(
      await took(async () => {
        channel.publish("slow.tasks", "", Buffer.from("x"));
        await channel.waitForConfirms();
      }),
    ).toBeGreaterThan(295);
    await connection.close();
  });
});

describe("lose-ack", () => {
  test("Kafka: stored, not acknowledged, sent again: twice in the log", async () => {
    const broker = await brokerWith("lose-ack", { probability: 0.5, how: "reset" });
    const kafka = kafkaOf(broker, { retry: { initialRetryTime: 10, maxRetryTime: 50, retries: 50 } });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "t", numPartitions: 1 }] });
    await admin.disconnect();
    const producer = kafka.producer();
    await producer.connect();
    for (let i = 0; i < 10; i++) await producer.send({ topic: "t", messages: [{ key: "k", value: String(i) }] });
    const { lost } = await counters(broker);
    expect(lost).toBeGreaterThan(0);
    const stored = await readAll(kafka, "t", 10 + lost!);
    expect(stored.length).toBe(10 + lost!);
    expect([...new Set(stored)]).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    await producer.disconnect();
    await broker.stop();
    rmSync(broker.folder, { recursive: true });
  });

  test("MQTT: the subscriber has it, the publisher never hears", async () => {
    const broker = await brokerWith("lose-ack", { probability: 1 });
    const [subscriber, publisher] = await Promise.all([mqtt.connectAsync(broker.mqtt.url), mqtt.connectAsync(broker.mqtt.url)]);
    const got = Promise.withResolvers<string>();
    subscriber.on("message", (_topic, payload) => got.resolve(payload.toString()));
    await subscriber.subscribeAsync("t");
    let acknowledged = false;
    publisher.publish("t", "x", { qos: 1 }, () => (acknowledged = true));
    expect(await got.promise).toBe("x");
    expect((await counters(broker)).lost).toBe(1);
    expect(acknowledged).toBeFalse();
    subscriber.end(true);
    publisher.end(true);
    await broker.stop();
    rmSync(broker.folder, { recursive: true });
  });

  test("AMQP: in the queue, never confirmed", async () => {
    const broker = await brokerWith("lose-ack", { probability: 1 });
    const connection = await amqplib.connect(broker.amqp.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("q");
    let confirmed = false;
    channel.sendToQueue("q", Buffer.from("x"), {}, () => (confirmed = true));
    expect((await channel.checkQueue("q")).messageCount).toBe(1);
    expect((await counters(broker)).lost).toBe(1);
    expect(confirmed).toBeFalse();
    await connection.close().catch(() => undefined);
    await broker.stop();
    rmSync(broker.folder, { recursive: true });
  });
});

describe("bridge", () => {
  test("an MQTT reading above the limit becomes a Kafka record and an AMQP message", async () => {
    const broker = await brokerWith("bridge", { limit: 30 });
    const kafka = kafkaOf(broker);
    const connection = await amqplib.connect(broker.amqp.url);
    const channel = await connection.createChannel();
    await channel.assertQueue("alerts");
    const sensor = await mqtt.connectAsync(broker.mqtt.url);
    for (const [name, value] of [
      ["a", 29],
      ["b", 31],
      ["a", 35.5],
    ] as const) {
      await sensor.publishAsync(`sensors/${name}/temperature`, JSON.stringify({ value }), { qos: 1 });
    }
    await sensor.publishAsync("sensors/c/humidity", JSON.stringify({ value: 99 }), { qos: 1 });
    await sensor.publishAsync("sensors/d/temperature", "not JSON", { qos: 1 });
    const expected = [
      { sensor: "sensors/b/temperature", value: 31, limit: 30 },
      { sensor: "sensors/a/temperature", value: 35.5, limit: 30 },
    ];
    const byValue = (a: { value: number }, b: { value: number }): number => a.value - b.value;
    expect((await readAll(kafka, "alerts", 2)).map((text) => JSON.parse(text)).sort(byValue)).toEqual(expected);
    const messages = [await channel.get("alerts", { noAck: true }), await channel.get("alerts", { noAck: true })];
    expect(messages.map((message) => message && JSON.parse(message.content.toString()))).toEqual(expected);
    expect(await counters(broker)).toEqual({ alerts: 2 });
    await sensor.endAsync();
    await connection.close();
    await broker.stop();
    rmSync(broker.folder, { recursive: true });
  });
});
