/** Ten thousand messages through each JavaScript client, against the compiled binary: exactly those, in order. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Consumer, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { Connection, ConsumerStatus } from "rabbitmq-client";
import { startBinary, type RunningBinary } from "../support/binary.ts";

const COUNT = 10_000;
const numbers = Array.from({ length: COUNT }, (_, i) => String(i));
let broker: RunningBinary;

beforeAll(async () => void (broker = await startBinary({ args: ["--kafka-brokers", "3"] })));
afterAll(() => broker.stop());

describe("10,000 messages", () => {
  test("KafkaJS, six partitions, in order per key", async () => {
    const kafka = new Kafka({ brokers: broker.kafka.brokers.split(","), logLevel: logLevel.ERROR });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "ten-thousand", numPartitions: 6 }] });
    const producer = kafka.producer();
    await producer.connect();
    for (let i = 0; i < COUNT; i += 500) {
      await producer.send({
        topic: "ten-thousand",
        messages: numbers.slice(i, i + 500).map((value) => ({ key: `k${Number(value) % 50}`, value })),
      });
    }
    const consumer = kafka.consumer({ groupId: "ten-thousand", maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: "ten-thousand", fromBeginning: true });
    const got: string[] = [];
    const last = new Map<string, number>();
    let disorder = 0;
    const all = Promise.withResolvers<void>();
    await consumer.run({
      eachMessage: async ({ message }) => {
        const [key, value] = [message.key!.toString(), message.value!.toString()];
        if ((last.get(key) ?? -1) >= Number(value)) disorder++;
        last.set(key, Number(value));
        if (got.push(value) === COUNT) all.resolve();
      },
    });
    await all.promise;
    await consumer.disconnect();
    await producer.disconnect();
    await admin.disconnect();
    expect(disorder).toBe(0);
    expect(got.sort((a, b) => Number(a) - Number(b))).toEqual(numbers);
  });

  test("@platformatic/kafka, in order per key", async () => {
    const base = { clientId: "platformatic", bootstrapBrokers: broker.kafka.brokers.split(","), retries: 5 };
    const producer = new Producer({ ...base, serializers: stringSerializers, autocreateTopics: true });
    for (let i = 0; i < COUNT; i += 500) {
      await producer.send({
        messages: numbers.slice(i, i + 500).map((value) => ({ topic: "ten-thousand-more", key: `k${Number(value) % 7}`, value })),
      });
    }
    await producer.close();
    const consumer = new Consumer({
      ...base,
      groupId: "more",
      deserializers: stringDeserializers,
      maxWaitTime: 100,
      groupProtocol: "classic",
    });
    const got: { key: string; value: number }[] = [];
    for await (const { key, value } of await consumer.consume({ topics: ["ten-thousand-more"], mode: "earliest" })) {
      if (got.push({ key, value: Number(value) }) === COUNT) break;
    }
    await consumer.close(true);
    for (let key = 0; key < 7; key++) {
      const values = got.filter((one) => one.key === `k${key}`).map(({ value }) => value);
      expect(values).toEqual(Array.from({ length: values.length }, (_, i) => key + 7 * i));
    }
    expect(got.length).toBe(COUNT);
  });

  for (const qos of [0, 1, 2] as const) {
    for (const protocolVersion of [4, 5] as const) {
      test(`MQTT.js, QoS ${qos}, MQTT ${protocolVersion === 4 ? "3.1.1" : "5.0"}`, async () => {
        const topic = `ten/thousand/${qos}/${protocolVersion}`;
        const [subscriber, publisher] = await Promise.all([
          mqtt.connectAsync(broker.mqtt.url, { protocolVersion }),
          mqtt.connectAsync(broker.mqtt.url, { protocolVersion }),
        ]);
        const got: string[] = [];
        const all = Promise.withResolvers<void>();
        subscriber.on("message", (_topic, payload) => {
          if (got.push(payload.toString()) === COUNT) all.resolve();
        });
        await subscriber.subscribeAsync(topic, { qos });
        for (let i = 0; i < COUNT; i += 500)
          await Promise.all(numbers.slice(i, i + 500).map((value) => publisher.publishAsync(topic, value, { qos })));
        await all.promise;
        await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
        expect(got).toEqual(numbers);
      });
    }
  }

  test("amqplib, with confirms and acknowledgements", async () => {
    const connection = await amqplib.connect(broker.amqp.url);
    const publisher = await connection.createConfirmChannel();
    const { queue } = await publisher.assertQueue("ten-thousand");
    const consumer = await connection.createChannel();
    await consumer.prefetch(100);
    const got: string[] = [];
    const all = Promise.withResolvers<void>();
    await consumer.consume(queue, (message) => {
      consumer.ack(message!);
      if (got.push(message!.content.toString()) === COUNT) all.resolve();
    });
    for (const value of numbers) publisher.sendToQueue(queue, Buffer.from(value));
    await publisher.waitForConfirms();
    await all.promise;
    expect(got).toEqual(numbers);
    // Every acknowledgement has arrived once a later synchronous method on that channel is answered.
    await consumer.prefetch(1);
    expect((await publisher.checkQueue(queue)).messageCount).toBe(0);
    await connection.close();
  });

  test("rabbitmq-client, with confirms and acknowledgements", async () => {
    const connection = new Connection({ url: broker.amqp.url });
    const got: number[] = [];
    const all = Promise.withResolvers<void>();
    const consumer = connection.createConsumer(
      { queue: "ten-thousand-more", qos: { prefetchCount: 100 }, concurrency: 1 },
      async (message) => {
        if (got.push(message.body.i) === COUNT) all.resolve();
        return ConsumerStatus.ACK;
      },
    );
    await new Promise<void>((resolve) => consumer.once("ready", () => resolve()));
    const publisher = connection.createPublisher({ confirm: true, maxAttempts: 1 });
    for (let i = 0; i < COUNT; i += 500)
      await Promise.all(numbers.slice(i, i + 500).map((i) => publisher.send("ten-thousand-more", { i: Number(i) })));
    await all.promise;
    await publisher.close();
    await consumer.close();
    await connection.close();
    expect(got).toEqual(numbers.map(Number));
  });
});
