/** Ten thousand messages through each JavaScript client, against the compiled binary: exactly those, in order. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { startBinary, type RunningBinary } from "../support/binary.ts";

const COUNT = 10_000;
const numbers = Array.from({ length: COUNT }, (_, i) => String(i));
let broker: RunningBinary;

beforeAll(async () => void (broker = await startBinary()));
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
      await producer.send({ topic: "ten-thousand", messages: numbers.slice(i, i + 500).map((value) => ({ key: `k${Number(value) % 50}`, value })) });
    }
    const consumer = kafka.consumer({ groupId: "ten-thousand" });
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
        for (let i = 0; i < COUNT; i += 500) await Promise.all(numbers.slice(i, i + 500).map((value) => publisher.publishAsync(topic, value, { qos })));
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
});
