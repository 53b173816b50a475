import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  Admin,
  type CompressionAlgorithmValue,
  Consumer,
  type Message,
  Producer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import { listenKafka, type ListeningCluster } from "./listening.ts";

let broker: ListeningCluster;
let base: { clientId: string; bootstrapBrokers: string[]; retries: number };

beforeAll(() => {
  broker = listenKafka({ brokers: 3 });
  base = { clientId: "platformatic", bootstrapBrokers: broker.brokers, retries: 5 };
});
afterAll(() => broker[Symbol.dispose]());

type Text = Message<string, string, string, string>;

function producerOf(options: object = {}) {
  return new Producer({ ...base, serializers: stringSerializers, autocreateTopics: true, ...options });
}
function consumerOf(groupId: string) {
  return new Consumer({
    ...base,
    groupId,
    deserializers: stringDeserializers,
    maxWaitTime: 100,
    sessionTimeout: 10_000,
    heartbeatInterval: 200,
    groupProtocol: "classic",
  });
}

async function take(stream: AsyncIterable<Text>, wanted: number): Promise<Text[]> {
  const messages: Text[] = [];
  for await (const message of stream) {
    messages.push(message);
    if (messages.length === wanted) break;
  }
  return messages;
}

describe("@platformatic/kafka", () => {
  test("10,000 messages arrive, exactly and in order per partition", async () => {
    const producer = producerOf();
    const N = 10_000;
    for (let i = 0; i < N; i += 500) {
      await producer.send({
        messages: Array.from({ length: 500 }, (_, k) => ({ topic: "many", key: `key-${(i + k) % 7}`, value: `${i + k}` })),
      });
    }
    await producer.close();
    const consumer = consumerOf("many-readers");
    const stream = await consumer.consume({ topics: ["many"], mode: "earliest", autocommit: true });
    const got = await take(stream, N);
    await consumer.close(true);
    expect(got.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, i) => i));
    for (let key = 0; key < 7; key++) {
      const values = got.filter((m) => m.key === `key-${key}`).map(({ value }) => Number(value));
      expect(values).toEqual(Array.from({ length: values.length }, (_, i) => key + 7 * i));
    }
  }, 30_000);

  test("every compression it knows", async () => {
    for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as CompressionAlgorithmValue[]) {
      const producer = producerOf({ idempotent: true });
      await producer.send({
        messages: [1, 2, 3].map((n) => ({ topic: `with-${compression}`, key: "k", value: `${compression} ${n}`, headers: { a: "1" } })),
        compression,
      });
      await producer.close();
      const consumer = consumerOf(`readers-of-${compression}`);
      const got = await take(await consumer.consume({ topics: [`with-${compression}`], mode: "earliest" }), 3);
      await consumer.close(true);
      expect(got.map(({ value }) => value)).toEqual([1, 2, 3].map((n) => `${compression} ${n}`));
      expect([...got[0]!.headers]).toEqual([["a", "1"]]);
    }
  }, 30_000);

  test("two members share a topic", async () => {
    const admin = new Admin(base);
    await admin.createTopics({ topics: ["shared"], partitions: 4, replicas: 1 });
    const consumers = [consumerOf("sharers"), consumerOf("sharers")];
    const streams = await Promise.all(consumers.map((one) => one.consume({ topics: ["shared"], mode: "earliest" })));
    for (;;) {
      const group = (await admin.describeGroups({ groups: ["sharers"] })).get("sharers")!;
      if ((group.state as string) === "Stable" && group.members.size === 2) break;
      await Bun.sleep(20);
    }
    const producer = producerOf();
    await producer.send({
      messages: Array.from({ length: 40 }, (_, i) => ({ topic: "shared", partition: i % 4, key: "k", value: `${i}` })),
    });
    const [left, right] = await Promise.all(streams.map((stream) => take(stream, 20)));
    expect([...left!, ...right!].map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(new Set(left!.map(({ partition }) => partition)).size).toBe(2);
    await Promise.all([...consumers.map((one) => one.close(true)), producer.close(), admin.close()]);
  }, 30_000);

  test("the admin client", async () => {
    const admin = new Admin(base);
    const [created] = await admin.createTopics({ topics: ["made"], partitions: 2, replicas: 3 });
    expect(created).toMatchObject({ name: "made", partitions: 2, replicas: 3 });
    expect(await admin.listTopics()).toContain("made");
    const metadata = await admin.metadata({ topics: ["made"] });
    expect(metadata.topics.get("made")!.partitionsCount).toBe(2);
    expect(metadata.brokers.size).toBe(3);
    await admin.deleteTopics({ topics: ["made"] });
    expect(await admin.listTopics()).not.toContain("made");
    await admin.close();
  }, 20_000);
});
