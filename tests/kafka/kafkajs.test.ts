import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CompressionTypes, type ConsumerConfig, Kafka, logLevel } from "kafkajs";
import { listenKafka, type ListeningCluster } from "./listening.ts";

let broker: ListeningCluster;
let kafka: Kafka;

beforeAll(() => {
  broker = listenKafka({ brokers: 3 });
  kafka = new Kafka({ clientId: "kafkajs", brokers: broker.brokers, logLevel: logLevel.NOTHING });
});
afterAll(() => broker[Symbol.dispose]());

/** Fetches wait no longer than this, as does a client that disconnects. */
function consumerOf(config: ConsumerConfig) {
  return kafka.consumer({ maxWaitTimeInMs: 200, ...config });
}

/** Collects messages until there are as many as wanted. */
function collector(wanted: number) {
  const messages: { partition: number; offset: string; key: string | null; value: string | null; headers: object }[] = [];
  let done!: () => void;
  const full = new Promise<void>((resolve) => (done = resolve));
  return {
    messages,
    full,
    each: async ({ partition, message }: { partition: number; message: any }) => {
      messages.push({
        partition,
        offset: message.offset,
        key: message.key?.toString() ?? null,
        value: message.value?.toString() ?? null,
        headers: message.headers,
      });
      if (messages.length === wanted) done();
    },
  };
}

describe("KafkaJS", () => {
  test("10,000 messages arrive, exactly and in order per partition", async () => {
    const producer = kafka.producer();
    await producer.connect();
    const N = 10_000;
    for (let i = 0; i < N; i += 500) {
      await producer.send({
        topic: "many",
        messages: Array.from({ length: 500 }, (_, k) => ({ key: `key-${(i + k) % 7}`, value: `${i + k}` })),
      });
    }
    await producer.disconnect();
    const consumer = consumerOf({ groupId: "many-readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: "many", fromBeginning: true });
    const got = collector(N);
    await consumer.run({ eachMessage: got.each });
    await got.full;
    await consumer.disconnect();
    expect(got.messages.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, i) => i));
    for (let key = 0; key < 7; key++) {
      const values = got.messages.filter((m) => m.key === `key-${key}`).map(({ value }) => Number(value));
      expect(values).toEqual(Array.from({ length: values.length }, (_, i) => key + 7 * i));
    }
    for (const partition of new Set(got.messages.map((m) => m.partition))) {
      const offsets = got.messages.filter((m) => m.partition === partition).map(({ offset }) => Number(offset));
      expect(offsets).toEqual(offsets.map((_, i) => i));
    }
  }, 30_000);

  test("keys, values, headers, tombstones, gzip, and an idempotent producer", async () => {
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const [sent] = await producer.send({
      topic: "shapes",
      compression: CompressionTypes.GZIP,
      messages: [
        { key: "k", value: "v", headers: { a: "1", b: ["2", "3"] }, partition: 1 },
        { key: "gone", value: null, partition: 1 },
      ],
    });
    expect(sent).toMatchObject({ errorCode: 0, partition: 1, baseOffset: "0" });
    await producer.disconnect();
    const consumer = consumerOf({ groupId: "shape-readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: "shapes", fromBeginning: true });
    const got = collector(2);
    await consumer.run({ eachMessage: got.each });
    await got.full;
    await consumer.disconnect();
    expect(got.messages).toMatchObject([
      { key: "k", value: "v" },
      { key: "gone", value: null },
    ]);
    expect(got.messages[0]!.headers).toMatchObject({ a: Buffer.from("1"), b: [Buffer.from("2"), Buffer.from("3")] });
  }, 20_000);

  test("three members share a topic; when one leaves the others take over", async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "shared", numPartitions: 6 }] });
    const seen: { member: number; value: string }[] = [];
    const waiting: { count: number; done: () => void }[] = [];
    const reach = (count: number) => new Promise<void>((done) => (seen.length >= count ? done() : waiting.push({ count, done })));
    const start = async (member: number) => {
      const consumer = consumerOf({ groupId: "sharers", heartbeatInterval: 100, rebalanceTimeout: 5_000 });
      await consumer.connect();
      await consumer.subscribe({ topic: "shared", fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message }) => {
          seen.push({ member, value: message.value!.toString() });
          for (const one of waiting.splice(0)) one.count <= seen.length ? one.done() : waiting.push(one);
        },
      });
      return consumer;
    };
    const stable = async (members: number) => {
      for (;;) {
        const {
          groups: [group],
        } = await admin.describeGroups(["sharers"]);
        if (group!.state === "Stable" && group!.members.length === members) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const consumers = await Promise.all([1, 2, 3].map(start));
    await stable(3);
    const producer = kafka.producer();
    await producer.connect();
    const batch = (from: number) => ({
      topic: "shared",
      messages: Array.from({ length: 60 }, (_, i) => ({ value: `${from + i}`, partition: i % 6 })),
    });
    await producer.send(batch(0));
    await reach(60);
    expect(new Set(seen.map(({ member }) => member)).size).toBe(3);
    await consumers[0]!.disconnect();
    await stable(2);
    await producer.send(batch(60));
    await reach(120);
    const later = seen.slice(60);
    expect(later.some(({ member }) => member === 1)).toBe(false);
    expect(seen.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, i) => i));
    await Promise.all([...consumers.slice(1).map((one) => one.disconnect()), producer.disconnect(), admin.disconnect()]);
  }, 30_000);

  test("the admin client", async () => {
    const admin = kafka.admin();
    await admin.connect();
    const { brokers, clusterId } = await admin.describeCluster();
    expect([brokers.length, clusterId]).toEqual([3, broker.cluster.id]);
    expect(await admin.createTopics({ topics: [{ topic: "made", numPartitions: 4, replicationFactor: 2 }] })).toBe(true);
    expect(await admin.createTopics({ topics: [{ topic: "made" }] })).toBe(false);
    expect(await admin.listTopics()).toContain("made");
    const {
      topics: [made],
    } = await admin.fetchTopicMetadata({ topics: ["made"] });
    expect(made!.partitions.map((p) => p.replicas.length)).toEqual([2, 2, 2, 2]);
    await admin.createPartitions({ topicPartitions: [{ topic: "made", count: 5 }] });
    expect((await admin.fetchTopicOffsets("made")).length).toBe(5);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: "made", messages: Array.from({ length: 100 }, (_, i) => ({ value: `${i}`, partition: i % 4 })) });
    await producer.disconnect();
    const consumer = consumerOf({ groupId: "made-readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: "made", fromBeginning: true });
    const got = collector(100);
    await consumer.run({ eachMessage: got.each });
    await got.full;
    await consumer.disconnect();
    const { groups } = await admin.listGroups();
    expect(groups.map(({ groupId }) => groupId)).toContain("made-readers");
    const [offsets] = await admin.fetchOffsets({ groupId: "made-readers", topics: ["made"] });
    expect(offsets!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)).toBe(100);
    await admin.deleteGroups(["made-readers"]);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain("made-readers");
    const configs = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: "made", configNames: ["retention.ms"] }],
    });
    expect(configs.resources[0]!.configEntries[0]).toMatchObject({ configName: "retention.ms", configValue: "604800000" });
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: "made", configEntries: [{ name: "retention.ms", value: "60000" }] }],
    });
    const changed = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: "made", configNames: ["retention.ms"] }],
    });
    expect(changed.resources[0]!.configEntries[0]).toMatchObject({ configValue: "60000" });
    await admin.deleteTopicRecords({ topic: "made", partitions: [{ partition: 0, offset: "0" }] });
    await admin.deleteTopics({ topics: ["made"] });
    expect(await admin.listTopics()).not.toContain("made");
    await admin.disconnect();
  }, 20_000);

  test("finds the new leader when a broker is killed, and the consumer goes on", async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "moving", numPartitions: 1, replicationFactor: 3 }] });
    const producer = kafka.producer();
    await producer.connect();
    const consumer = consumerOf({ groupId: "moving-readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: "moving", fromBeginning: true });
    const got = collector(20);
    await consumer.run({ eachMessage: got.each });
    for (let i = 0; i < 20; i++) {
      if (i === 10) broker.cluster.killBroker(broker.cluster.partition("moving", 0)!.leader);
      await producer.send({ topic: "moving", messages: [{ value: `${i}` }] });
    }
    await got.full;
    expect(got.messages.map(({ value }) => Number(value))).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (const { id, up } of broker.cluster.nodes.all) if (!up) broker.cluster.restartBroker(id);
    await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  }, 40_000);

  test("gets past records that a delivery hook swallowed", async () => {
    const producer = kafka.producer();
    await producer.connect();
    broker.house.install({ delivery: { match: { topic: "holes" }, run: (m) => (/^drop/.test(m.text()) ? { kind: "drop" } : undefined) } });
    const one = (value: string) => producer.send({ topic: "holes", messages: [{ value, partition: 0 }] });
    for (const value of ["drop 1", "a", "drop 2", "drop 3", "b"]) await one(value);
    const consumer = consumerOf({ groupId: "hole-readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: "holes", fromBeginning: true });
    const got = collector(3);
    await consumer.run({ eachMessage: got.each });
    for (const value of ["drop 4", "c"]) await one(value);
    await got.full;
    expect(got.messages.map(({ value, offset }) => `${offset} ${value}`)).toEqual(["1 a", "4 b", "6 c"]);
    broker.house.install({});
    await Promise.all([consumer.disconnect(), producer.disconnect()]);
  }, 20_000);
});
