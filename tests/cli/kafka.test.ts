/** `havoq kafka`: every command and option against the binary; KafkaJS looks at what they did. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Kafka, logLevel, type Admin } from "kafkajs";
import { startBinary, type RunningBinary } from "../support/binary.ts";
import { ok, run, start, unused } from "./support.ts";

let broker: RunningBinary;
let admin: Admin;
let kafka: Kafka;
let server: string[];
let mqtt: string;

beforeAll(async () => {
  broker = await startBinary({ args: ["--kafka-brokers", "2"] });
  const [first] = broker.kafka.brokers.split(",");
  server = ["--server", first!];
  mqtt = broker.mqtt.url.replace("mqtt://", "");
  kafka = new Kafka({ brokers: [first!], logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  await admin.connect();
}, 60_000);

afterAll(async () => {
  await admin?.disconnect();
  await broker?.stop();
});

/** The first messages of a topic, as KafkaJS reads them. */
async function read(topic: string, count: number) {
  const consumer = kafka.consumer({ groupId: `reader-${topic}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const messages: { partition: number; key: string | null; value: string | null; headers: Record<string, string> }[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ partition, message: { key, value, headers = {} } }) => {
        messages.push({
          partition,
          key: key?.toString() ?? null,
          value: value?.toString() ?? null,
          headers: Object.fromEntries(Object.entries(headers).map(([name, one]) => [name, String(one)])),
        });
        if (messages.length === count) resolve();
      },
    });
  });
  await consumer.disconnect();
  return messages;
}

describe("topics", () => {
  test("create, list, describe, delete", async () => {
    const made = await ok([
      "kafka",
      "topics",
      "create",
      "orders",
      "--partitions",
      "3",
      "--replication-factor",
      "2",
      "--config",
      "retention.ms=60000",
      "--config",
      "cleanup.policy=compact",
      "--json",
      ...server,
    ]);
    expect(made.json).toEqual({ name: "orders", partitions: 3, replicationFactor: 2 });
    const {
      topics: [seen],
    } = await admin.fetchTopicMetadata({ topics: ["orders"] });
    expect(seen!.partitions.map(({ replicas }) => replicas.length)).toEqual([2, 2, 2]);
    const {
      resources: [config],
    } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: "orders", configNames: ["retention.ms", "cleanup.policy"] }],
    });
    expect(Object.fromEntries(config!.configEntries.map(({ configName, configValue }) => [configName, configValue]))).toEqual({
      "retention.ms": "60000",
      "cleanup.policy": "compact",
    });

    await admin.createTopics({ topics: [{ topic: "other", numPartitions: 1 }] });
    expect((await ok(["kafka", "topics", "list", "--json", ...server])).json).toEqual([
      { name: "orders", partitions: 3, replicationFactor: 2 },
      { name: "other", partitions: 1, replicationFactor: 1 },
    ]);
    expect((await ok(["kafka", "topic", "list", ...server])).out).toBe(
      "topic   partitions  replication factor\norders           3                   2\nother            1                   1\n",
    );

    const described = (await ok(["kafka", "topics", "describe", "orders", "--json", ...server])).json;
    expect(described.partitions).toHaveLength(3);
    expect(described.partitions[0]).toMatchObject({
      partition: 0,
      leader: seen!.partitions.find(({ partitionId }) => partitionId === 0)!.leader,
      start: 0,
      end: 0,
    });
    expect(described.config).toContainEqual({ name: "retention.ms", value: "60000", set: true });
    expect((await ok(["kafka", "topics", "describe", "orders", ...server])).out).toContain("cleanup.policy");

    expect((await ok(["kafka", "topics", "delete", "other", "--json", ...server])).json).toEqual({ deleted: "other" });
    expect(await admin.listTopics()).not.toContain("other");
  }, 60_000);
});

describe("topics that are not so", () => {
  beforeAll(async () => void (await admin.createTopics({ topics: [{ topic: "stocks", numPartitions: 1 }] })), 60_000);

  test.each([
    [["create", "stocks"], 1, "the broker says TOPIC_ALREADY_EXISTS: topic stocks exists"],
    [["create", "bad", "--config", "retetion.ms=1"], 1, "INVALID_CONFIG"],
    [["create", "bad", "--config", "novalue"], 2, "not name=value"],
    [["create", "bad", "--partitions", "0"], 2, "not a whole number from 1"],
    [["create"], 2, "missing required argument"],
    [["describe", "stcoks"], 1, "there is no topic stcoks: did you mean stocks?"],
    [["delete", "zzzzzzzz"], 1, '"havoq kafka topics create zzzzzzzz" makes it'],
    [["lst"], 2, "Did you mean list?"],
  ] as const)(
    "%j exits with %d and says why",
    async (args, code, message) => {
      const ran = await run(["kafka", "topics", ...args, ...(args[0] === "lst" ? [] : server)]);
      expect(ran.err).toContain(message);
      expect(ran.code).toBe(code);
      expect(await admin.listTopics()).not.toContain("bad");
    },
    60_000,
  );
});

describe("produce", () => {
  test("a message with key, headers and partition", async () => {
    await ok(["kafka", "topics", "create", "made", "--partitions", "2", ...server]);
    const sent = await ok([
      "kafka",
      "produce",
      "--topic",
      "made",
      "--key",
      "k",
      "--value",
      '{"a":1}',
      "--header",
      "source=shop",
      "--header",
      "x=1=2",
      "--partition",
      "1",
      "--json",
      ...server,
    ]);
    expect(sent.json).toEqual({ messages: 1, places: [{ topic: "made", partition: 1, offset: 0 }] });
    expect(await read("made", 1)).toEqual([{ partition: 1, key: "k", value: '{"a":1}', headers: { source: "shop", x: "1=2" } }]);
  }, 60_000);

  test("each line of standard input is a message, and a topic is made where the broker makes them", async () => {
    const sent = await ok(["kafka", "produce", "--topic", "piped", "--key", "same", ...server], { stdin: "one\ntwo\n" });
    expect(sent.out).toMatch(/^✓ 2 messages → piped-\d at offset 0\n$/);
    expect((await read("piped", 2)).map(({ value }) => value)).toEqual(["one", "two"]);
  }, 60_000);

  test("more than a batch holds goes in several, in order", async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `${i}:${"x".repeat(100_000)}`);
    const sent = await ok(["kafka", "produce", "--topic", "long", "--key", "k", "--json", ...server], { stdin: lines.join("\n") });
    expect(sent.json).toMatchObject({ messages: 30, places: [{ offset: 0 }] });
    expect((await ok(["kafka", "consume", "--topic", "long", "--count", "30", ...server])).out).toBe(`${lines.join("\n")}\n`);
    const ran = await run(["kafka", "produce", "--topic", "long", ...server], { stdin: "x".repeat(2_000_000) });
    expect([ran.code, ran.out]).toEqual([1, ""]);
    expect(ran.err).toContain("MESSAGE_TOO_LARGE");
  }, 60_000);

  test("a key goes where Java clients would put it", async () => {
    await ok(["kafka", "topics", "create", "keyed", "--partitions", "7", ...server]);
    const producer = kafka.producer();
    await producer.connect();
    for (const key of ["a", "order-1", "ключ", ""]) {
      const theirs = (await producer.send({ topic: "keyed", messages: [{ key, value: "x" }] }))[0]!.partition;
      const ours = (await ok(["kafka", "produce", "--topic", "keyed", "--key", key, "--value", "x", "--json", ...server])).json.places[0]
        .partition;
      expect([key, ours]).toEqual([key, theirs]);
    }
    await producer.disconnect();
  }, 60_000);
});

describe("what cannot be produced", () => {
  beforeAll(async () => void (await admin.createTopics({ topics: [{ topic: "paired", numPartitions: 2 }] })), 60_000);

  test.each([
    [["--topic", "paired", "--value", "x", "--partition", "9"], 1, "topic paired has no partition 9, but 2: 0 to 1"],
    [["--value", "x"], 2, "required option '--topic <name>' not specified"],
    [["--topic", "paired", "--valeu", "x"], 2, "Did you mean --value?"],
  ] as const)(
    "%j exits with %d and says why",
    async (args, code, message) => {
      const ran = await run(["kafka", "produce", ...args, ...server]);
      expect(ran.err).toContain(message);
      expect(ran.code).toBe(code);
    },
    60_000,
  );
});

describe("consume", () => {
  beforeAll(async () => {
    await admin.createTopics({ topics: [{ topic: "read", numPartitions: 2 }] });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic: "read",
      messages: [0, 1, 2].map((i) => ({ partition: 0, key: `k${i}`, value: `v${i}`, headers: { h: `${i}` } })),
    });
    await producer.send({ topic: "read", messages: [{ partition: 1, value: Buffer.from([0xff, 0x00]) }] });
    await producer.disconnect();
  }, 60_000);

  const consume = (...args: string[]) => run(["kafka", "consume", "--topic", "read", ...args, ...server]);

  test("from the beginning, one partition, as text and as JSON", async () => {
    expect((await consume("--partition", "0", "--count", "3")).out).toBe("v0\nv1\nv2\n");
    expect((await consume("--partition", "0", "--count", "2", "--from", "1", "-v")).out).toBe(
      "read-0@1  k1  v1  h=1\nread-0@2  k2  v2  h=2\n",
    );
    const { lines } = await consume("--partition", "0", "--count", "1", "--from", "beginning", "--json");
    expect(lines).toEqual([
      { topic: "read", partition: 0, offset: 0, timestamp: expect.any(Number), key: "k0", value: "v0", headers: { h: "0" } },
    ]);
    expect((await consume("--partition", "1", "--count", "1", "--json")).lines[0]).toMatchObject({ key: null, valueBase64: "/wA=" });
    expect((await consume("--count", "4", "--verbose")).out.split("\n")).toHaveLength(5);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain("havoq-cli");
  }, 60_000);

  test("--timeout ends it; fewer than --count is a failure", async () => {
    const short = await consume("--partition", "0", "--count", "9", "--timeout", "1s");
    expect([short.code, short.out, short.err]).toEqual([1, "v0\nv1\nv2\n", "havoq: 3 of 9 messages came\n"]);
    expect((await consume("--partition", "0", "--timeout", "1s")).code).toBe(0);
  }, 60_000);

  test("from the end it waits for what comes, until it is stopped", async () => {
    await admin.createTopics({ topics: [{ topic: "live", numPartitions: 1 }] });
    const { child, done } = start(["kafka", "consume", "--topic", "live", "--from", "end", "--count", "2", ...server]);
    const producer = kafka.producer();
    await producer.connect();
    // Until it is there: messages before its start are not for it.
    let sent = 0;
    while (child.exitCode === null) await producer.send({ topic: "live", messages: [{ value: `m${sent++}` }] });
    const { out, code } = await done;
    await producer.disconnect();
    const [first, second] = out
      .trim()
      .split("\n")
      .map((line) => Number(line.slice(1)));
    expect([code, second]).toEqual([0, first! + 1]);
    const stopped = start(["kafka", "consume", "--topic", "live", ...server]);
    await stopped.printed("m0\n");
    stopped.child.kill("SIGINT");
    expect((await stopped.done).code).toBe(0);
  }, 60_000);

  test("in a group, which keeps the position of what was printed", async () => {
    await admin.createTopics({ topics: [{ topic: "grouped", numPartitions: 1 }] });
    await ok(["kafka", "produce", "--topic", "grouped", ...server], { stdin: "a\nb\nc\n" });
    const take = (...args: string[]) => ok(["kafka", "consume", "--topic", "grouped", "--group", "takers", ...args, ...server]);
    expect((await take("--count", "2")).out).toBe("a\nb\n");
    expect((await admin.fetchOffsets({ groupId: "takers", topics: ["grouped"] }))[0]!.partitions[0]!.offset).toBe("2");
    expect((await take("--count", "1")).out).toBe("c\n");
    const late = start(["kafka", "consume", "--topic", "grouped", "--group", "late", "--from", "end", "--count", "1", ...server]);
    // Once it has a position it gets what comes; before, there is nothing for it.
    for (let i = 0; late.child.exitCode === null; i++)
      await ok(["kafka", "produce", "--topic", "grouped", "--value", `late ${i}`, ...server]);
    expect(await late.done).toMatchObject({ code: 0, out: expect.stringMatching(/^late \d+\n$/) });
  }, 60_000);

  test.each([
    [["--topic", "raed"], 1, "there is no topic raed: did you mean read?"],
    [["--topic", "read", "--from", "middle"], 2, "--from is beginning, end or an offset, not middle"],
    [["--topic", "read", "--group", "g", "--partition", "1"], 2, "--partition and --group do not go together"],
    [["--topic", "read", "--group", "g", "--from", "3"], 2, "reset-offsets --group g --topic read --to 3"],
    [["--topic", "read", "--partition", "5"], 1, "topic read has partitions 0 to 1, not 5"],
    [["--topic", "read", "--partition", "0", "--from", "99"], 1, "read-0 has offsets 0 to 3, not 99"],
  ] as const)(
    "%j exits with %d and says why",
    async (args, code, message) => {
      const ran = await run(["kafka", "consume", ...args, ...server]);
      expect(ran.err).toContain(message);
      expect(ran.code).toBe(code);
    },
    60_000,
  );
});

describe("consumer-groups", () => {
  const committed = async (group: string) =>
    (await admin.fetchOffsets({ groupId: group, topics: ["lagging"] }))[0]!.partitions
      .map(({ partition, offset }) => [partition, offset])
      .sort();

  test("list, describe, reset-offsets, delete", async () => {
    // Messages of that age are deleted where no more is said.
    await admin.createTopics({ topics: [{ topic: "lagging", numPartitions: 2, configEntries: [{ name: "retention.ms", value: "-1" }] }] });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic: "lagging",
      messages: [0, 1, 2, 3].map((i) => ({ partition: i % 2, value: `${i}`, timestamp: String(Date.UTC(2026, 0, 1 + i)) })),
    });
    await producer.disconnect();
    const consumer = kafka.consumer({ groupId: "billing", maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topic: "lagging", fromBeginning: true });
    const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
    await consumer.run({ autoCommit: false, eachMessage: async () => undefined });
    await joined;
    await admin.setOffsets({ groupId: "other-group", topic: "lagging", partitions: [{ partition: 0, offset: "1" }] });

    expect((await ok(["kafka", "consumer-groups", "list", "--json", ...server])).json).toContainEqual({
      group: "billing",
      state: "Stable",
      protocolType: "consumer",
    });
    expect((await ok(["kafka", "groups", "list", ...server])).out).toMatch(/^billing +Stable/m);
    const active = (await ok(["kafka", "consumer-groups", "describe", "--group", "billing", "--json", ...server])).json;
    expect(active.members).toHaveLength(1);
    expect(active.partitions.map(({ partition, end, member }: any) => [partition, end, member])).toEqual([
      [0, 2, "kafkajs"],
      [1, 2, "kafkajs"],
    ]);
    const refused = await run([
      "kafka",
      "consumer-groups",
      "reset-offsets",
      "--group",
      "billing",
      "--topic",
      "lagging",
      "--to",
      "end",
      ...server,
    ]);
    expect([refused.code, refused.err]).toEqual([1, "havoq: group billing has 1 member: stop them first, they would overwrite it\n"]);
    expect((await run(["kafka", "consumer-groups", "delete", "--group", "billing", ...server])).err).toContain("stop them first");
    await consumer.disconnect();

    const reset = (to: string, ...more: string[]) =>
      ok([
        "kafka",
        "consumer-groups",
        "reset-offsets",
        "--group",
        "billing",
        "--topic",
        "lagging",
        "--to",
        to,
        "--json",
        ...more,
        ...server,
      ]);
    expect((await reset("end")).json.partitions).toEqual([
      { partition: 0, offset: 2 },
      { partition: 1, offset: 2 },
    ]);
    expect(await committed("billing")).toEqual([
      [0, "2"],
      [1, "2"],
    ]);
    await reset("beginning");
    expect(await committed("billing")).toEqual([
      [0, "0"],
      [1, "0"],
    ]);
    await reset("1", "--partition", "1");
    expect(await committed("billing")).toEqual([
      [0, "0"],
      [1, "1"],
    ]);
    await reset("2026-01-03T00:00:00Z");
    expect(await committed("billing")).toEqual([
      [0, "1"],
      [1, "1"],
    ]);
    const described = (await ok(["kafka", "consumer-groups", "describe", "--group", "billing", ...server])).out;
    expect(described).toContain("billing: Empty, members 0\n");
    expect(described).toMatch(/^lagging +0 +1 +2 +1 +-$/m);

    expect((await ok(["kafka", "consumer-groups", "delete", "--group", "billing", "--json", ...server])).json).toEqual({
      deleted: "billing",
    });
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain("billing");
  }, 60_000);
});

describe("consumer-groups that are not so", () => {
  beforeAll(async () => {
    await admin.createTopics({ topics: [{ topic: "behind", numPartitions: 1 }] });
    await admin.setOffsets({ groupId: "third-group", topic: "behind", partitions: [{ partition: 0, offset: "0" }] });
  }, 60_000);

  test.each([
    [["describe", "--group", "third-gruop"], 1, "there is no group third-gruop: did you mean third-group?"],
    [["delete", "--group", "zzzzzz"], 1, "there is no group zzzzzz"],
    [["reset-offsets", "--group", "x", "--topic", "behind", "--to", "soon"], 2, "--to is beginning, end, an offset or a time"],
    [["reset-offsets", "--group", "x", "--topic", "behnid", "--to", "end"], 1, "did you mean behind?"],
  ] as const)(
    "%j exits with %d and says why",
    async (args, code, message) => {
      const ran = await run(["kafka", "consumer-groups", ...args, ...server]);
      expect(ran.err).toContain(message);
      expect(ran.code).toBe(code);
    },
    60_000,
  );
});

describe("the wrong place", () => {
  test.each([
    [() => "127.0.0.1:1", 'nothing listens on 127.0.0.1:1; start a broker with "havoq serve"'],
    [() => mqtt, 'is an MQTT broker, not a Kafka broker; "havoq mqtt" talks to it'],
    [() => new URL(broker.amqp.url).host, "is an AMQP broker"],
    [() => new URL(broker.admin.url).host, "is an HTTP server"],
  ])(
    "is told for what it is",
    async (place, message) => {
      const ran = await run(["kafka", "topics", "list", "--server", place()]);
      expect([ran.code, ran.out]).toEqual([1, ""]);
      expect(ran.err).toContain(message);
    },
    60_000,
  );

  test("a server that is none is wrong usage", async () => {
    expect((await run(["kafka", "topics", "list", "--server", "a:b:c"])).code).toBe(2);
  }, 60_000);
});

test("no command or option of havoq kafka is left out", () =>
  expect(unused("kafka").filter((one) => !one.includes(" fixtures"))).toEqual([]));
