import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Admin } from "@platformatic/kafka";
import { Kafka, logLevel } from "kafkajs";
import { listenKafka, type ListeningCluster } from "./listening.ts";

let broker: ListeningCluster;
beforeAll(() => {
  broker = listenKafka();
});
afterAll(() => broker[Symbol.dispose]());

describe("SASL/PLAIN", () => {
  test("KafkaJS logs in, and is that user from then on", async () => {
    const kafka = new Kafka({
      clientId: "k",
      brokers: broker.brokers,
      logLevel: logLevel.NOTHING,
      sasl: { mechanism: "plain", username: "alice", password: "secret" },
    });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: "t", messages: [{ value: "x" }] });
    expect(broker.house.net.connections({ user: "alice" }).length).toBeGreaterThan(0);
    await producer.disconnect();
  }, 15_000);

  test("@platformatic/kafka logs in", async () => {
    const admin = new Admin({
      clientId: "p",
      bootstrapBrokers: broker.brokers,
      sasl: { mechanism: "PLAIN", username: "bob", password: "secret" },
    });
    expect(await admin.listTopics()).toBeArray();
    expect(broker.house.net.connections({ user: "bob" }).length).toBeGreaterThan(0);
    await admin.close();
  }, 15_000);

  test("a mechanism that is not offered is refused, those that are are told", async () => {
    const kafka = new Kafka({
      clientId: "s",
      brokers: broker.brokers,
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      sasl: { mechanism: "scram-sha-256", username: "a", password: "b" },
    });
    expect(
      await kafka
        .admin()
        .connect()
        .then(() => "in", String),
    ).toContain("SASL mechanism");
  }, 15_000);
});
