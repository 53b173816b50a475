import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { errorName } from "../../src/kafka/wire/errors.ts";
import { records, writeBatch } from "../../src/kafka/wire/records.ts";
import { settled } from "../support/memory.ts";
import { batchOf, fetchBody, produceBody, type TestClient, TestCluster, valuesOf } from "./client.ts";

let house: TestCluster;
let client: TestClient;

beforeEach(async () => {
  house = new TestCluster({ auto_create_topics: false });
  client = house.connect();
  await client.createTopic("t", 2);
});
afterEach(() => house[Symbol.dispose]());

describe("produce", () => {
  test("offsets count up per partition, and fetches bring the same bytes back", async () => {
    const first = writeBatch(batchOf(["a", "b", "c"])).bytes;
    expect(await client.produce("t", 0, first)).toMatchObject({ error: "NONE", baseOffset: 0, logStartOffset: 0, logAppendTimeMs: -1 });
    expect(await client.produce("t", 0, ["d"])).toMatchObject({ error: "NONE", baseOffset: 3 });
    expect(await client.produce("t", 1, ["x"])).toMatchObject({ error: "NONE", baseOffset: 0 });
    const got = await client.fetch("t", 0, 0);
    expect(got).toMatchObject({ error: "NONE", highWatermark: 4, lastStableOffset: 4, logStartOffset: 0 });
    expect(valuesOf(got.found)).toEqual(["a", "b", "c", "d"]);
    expect(got.found.map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
    expect(got.batches[0]!.bytes.subarray(16)).toEqual(first.subarray(16));
    expect(got.batches.map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 0]);
  });

  test("by topic id", async () => {
    const id = house.cluster.topics.get("t")!.id;
    const { bytes } = writeBatch(batchOf(["a"]));
    const body = {
      transactionalId: null,
      acks: 1,
      timeoutMs: 1,
      topicData: [{ name: "", topicId: id, partitionData: [{ index: 0, records: bytes }] }],
    };
    const { responses } = await client.call("Produce", body, 13);
    expect(responses[0]).toMatchObject({ topicId: id, partitionResponses: [{ errorCode: 0, baseOffset: 0 }] });
    const fetched = await client.call("Fetch", {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topic: "", topicId: id, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    });
    expect(fetched.responses[0]).toMatchObject({ topicId: id, partitions: [{ errorCode: 0, highWatermark: 1 }] });
  });

  test("what the broker refuses, by Kafka's names", async () => {
    const bytes = writeBatch(batchOf(["a"])).bytes;
    const broken = Buffer.from(bytes);
    broken[broken.length - 1]! ^= 1;
    expect(await client.produce("t", 0, broken)).toMatchObject({ error: "CORRUPT_MESSAGE", baseOffset: -1 });
    expect((await client.produce("t", 7, ["a"])).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect((await client.produce("nowhere", 0, ["a"])).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect((await client.produce("t", 0, ["a"], { acks: 2 })).error).toBe("INVALID_REQUIRED_ACKS");
    expect((await client.produce("t", 0, ["x".repeat(1_100_000)])).error).toBe("MESSAGE_TOO_LARGE");
    expect((await client.produce("t", 0, { ...batchOf(["a"]), codec: "zstd" }, { version: 6 })).error).toBe("UNSUPPORTED_COMPRESSION_TYPE");
    expect((await client.produce("t", 0, { ...batchOf(["a"]), transactional: true })).error).toBe("TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
    const tomorrow = house.house.clock.now() + 86_400_000;
    expect((await client.produce("t", 0, { records: [{ timestamp: tomorrow, value: Buffer.from("a") }] })).error).toBe("INVALID_TIMESTAMP");
    expect((await client.fetch("t", 0, 0)).highWatermark).toBe(0);
    const unknown = {
      transactionalId: null,
      acks: 1,
      timeoutMs: 1,
      topicData: [{ name: "", topicId: "BBBBBBBBBBBBBBBBBBBBBA", partitionData: [{ index: 0, records: bytes }] }],
    };
    expect((await client.call("Produce", unknown, 13)).responses[0]!.partitionResponses[0]!.errorCode).toBe(100);
  });

  test("without acknowledgement there is no answer, and an error closes the connection", async () => {
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["quiet"])).bytes, 0), 9);
    expect(valuesOf((await client.fetch("t", 0, 0)).found)).toEqual(["quiet"]);
    client.send("Produce", produceBody("nowhere", 0, writeBatch(batchOf(["lost"])).bytes, 0), 9);
    expect(await client.wire.closed()).toBe("end");
  });

  test("every version is answered", async () => {
    for (let version = 3; version <= 12; version++) {
      expect(await client.produce("t", 0, [`v${version}`], { version })).toMatchObject({ error: "NONE", baseOffset: version - 3 });
    }
    for (let version = 4; version <= 12; version++) {
      expect(valuesOf((await client.fetch("t", 0, 0, { version })).found)).toHaveLength(10);
    }
  });

  test("compressed batches pass unopened", async () => {
    for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
      await client.createTopic(codec);
      await client.produce(codec, 0, { ...batchOf(["one", "two"]), codec });
      const got = await client.fetch(codec, 0, 0);
      expect(got.batches[0]!.codec).toBe(codec);
      expect(valuesOf(got.found)).toEqual(["one", "two"]);
    }
    expect(valuesOf((await client.fetch("zstd", 0, 0, { version: 9 })).found)).toEqual(["one", "two"]);
    await client.createTopic("all-zstd", 1, { "compression.type": "zstd" });
    await client.produce("all-zstd", 0, ["one"]);
    expect(valuesOf((await client.fetch("all-zstd", 0, 0, { version: 9 })).found)).toEqual(["one"]);
  });

  test("a topic can have its own limits, times and compression", async () => {
    await client.createTopic("small", 1, { "max.message.bytes": "200" });
    expect((await client.produce("small", 0, ["x".repeat(200)])).error).toBe("MESSAGE_TOO_LARGE");
    await client.createTopic("stamped", 1, { "message.timestamp.type": "LogAppendTime" });
    const before = house.house.clock.now();
    const stamped = await client.produce("stamped", 0, { records: [{ timestamp: 5, value: Buffer.from("a") }] });
    expect(stamped.logAppendTimeMs).toBeGreaterThanOrEqual(before);
    const [record] = (await client.fetch("stamped", 0, 0)).found;
    expect(record!.timestamp).toBe(stamped.logAppendTimeMs);
    const claimed = await client.produce("stamped", 0, { ...batchOf(["a", "b"]), logAppendTime: 5 });
    expect(claimed).toMatchObject({ error: "INVALID_TIMESTAMP", recordErrors: [{ batchIndex: 0 }, { batchIndex: 1 }] });
    await client.createTopic("packed", 1, { "compression.type": "lz4" });
    await client.produce("packed", 0, { ...batchOf(["a", "b"]), codec: "gzip" });
    const packed = await client.fetch("packed", 0, 0);
    expect([packed.batches[0]!.codec, ...valuesOf(packed.found)]).toEqual(["lz4", "a", "b"]);
    await client.createTopic("keyed", 1, { "cleanup.policy": "compact" });
    expect(await client.produce("keyed", 0, ["no key", "nor here"])).toMatchObject({
      error: "INVALID_RECORD",
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 1 }],
    });
    await client.createTopic("recent", 1, { "message.timestamp.before.max.ms": "1000" });
    const old = { records: [before, before - 5000].map((timestamp) => ({ timestamp, value: null })) };
    expect(await client.produce("recent", 0, old)).toMatchObject({ error: "INVALID_TIMESTAMP", recordErrors: [{ batchIndex: 1 }] });
    expect((await client.produce("recent", 0, { records: [{ timestamp: -1, value: null }] })).error).toBe("NONE"); // no time at all
    expect((await client.produce("keyed", 0, { records: [{ timestamp: before, key: Buffer.from("k"), value: null }] })).error).toBe("NONE");
  });
});

describe("idempotent producers", () => {
  const send = (producerId: number, producerEpoch: number, baseSequence: number, ...values: string[]) =>
    client.produce("t", 0, { ...batchOf(values), producerId, producerEpoch, baseSequence });

  test("a batch sent again is acknowledged with the offset it has", async () => {
    const { producerId, producerEpoch } = await client.call("InitProducerId", { transactionalId: null, transactionTimeoutMs: 0 });
    expect(await send(producerId, producerEpoch, 0, "a", "b")).toMatchObject({ error: "NONE", baseOffset: 0 });
    expect(await send(producerId, producerEpoch, 2, "c")).toMatchObject({ error: "NONE", baseOffset: 2 });
    expect(await send(producerId, producerEpoch, 0, "a", "b")).toMatchObject({ error: "NONE", baseOffset: 0 });
    expect(await send(producerId, producerEpoch, 2, "c")).toMatchObject({ error: "NONE", baseOffset: 2 });
    expect((await send(producerId, producerEpoch, 4, "e")).error).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(valuesOf((await client.fetch("t", 0, 0)).found)).toEqual(["a", "b", "c"]);
  });

  test("only the last five batches are known again", async () => {
    for (let i = 0; i < 7; i++) await send(9, 0, i, `${i}`);
    expect(await send(9, 0, 2, "2")).toMatchObject({ error: "NONE", baseOffset: 2 });
    expect((await send(9, 0, 1, "1")).error).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
  });

  test("a new epoch begins at 0 and shuts the old one out", async () => {
    await send(9, 0, 0, "a");
    expect((await send(9, 1, 5, "b")).error).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect((await send(9, 1, 0, "b")).error).toBe("NONE");
    expect((await send(9, 0, 1, "c")).error).toBe("INVALID_PRODUCER_EPOCH");
  });

  test("sequences start again after 2^31 - 1, and a producer nobody knows may begin anywhere", async () => {
    expect((await send(9, 0, 2 ** 31 - 2, "a", "b")).error).toBe("NONE");
    expect(await send(9, 0, 0, "c")).toMatchObject({ error: "NONE", baseOffset: 2 });
  });

  test("a producer that comes back names its id and its epoch, or neither", async () => {
    const init = async (producerId: number, producerEpoch: number) =>
      errorName(
        (await client.call("InitProducerId", { transactionalId: null, transactionTimeoutMs: 1, producerId, producerEpoch })).errorCode,
      );
    expect([await init(-1, -1), await init(5, 3), await init(5, -1), await init(-1, 3)]).toEqual([
      "NONE",
      "NONE",
      "INVALID_REQUEST",
      "INVALID_REQUEST",
    ]);
  });

  test("a producer that was silent for a day is forgotten", async () => {
    await send(9, 0, 0, "a");
    await house.house.clock.advance(86_400_000 + 120_000);
    expect((await send(9, 0, 50, "b")).error).toBe("NONE");
  });
});

describe("fetch", () => {
  test("waits until something is there", async () => {
    const waiting = client.fetch("t", 0, 0, { maxWaitMs: 60_000 });
    await settled();
    const other = house.connect();
    await other.produce("t", 1, ["elsewhere"]);
    await other.produce("t", 0, ["here"]);
    expect(valuesOf((await waiting).found)).toEqual(["here"]);
    expect(house.cluster.partition("t", 0)!.changed.size).toBe(0);
  });

  test("waits no longer than it was asked to", async () => {
    const waiting = client.fetch("t", 0, 0, { maxWaitMs: 60_000 });
    await settled();
    expect(house.cluster.partition("t", 0)!.changed.size).toBe(1);
    await house.house.clock.advance(60_000);
    expect((await waiting).found).toEqual([]);
  });

  test("waits for as many bytes as it was asked to", async () => {
    const other = house.connect();
    const waiting = client.fetch("t", 0, 0, { maxWaitMs: 60_000, minBytes: 140 });
    await other.produce("t", 0, ["first"]);
    await settled();
    expect(house.cluster.partition("t", 0)!.changed.size).toBe(1);
    await other.produce("t", 0, ["second"]);
    expect(valuesOf((await waiting).found)).toEqual(["first", "second"]);
  });

  test("a client that goes leaves no wait behind", async () => {
    client.send("Fetch", fetchBody("t", 0, 0, { maxWaitMs: 600_000 }), 12);
    await settled();
    client.wire.close();
    await settled();
    expect(house.cluster.partition("t", 0)!.changed.size).toBe(0);
  });

  test("the next request waits for the one before", async () => {
    client.send("Fetch", fetchBody("t", 0, 0, { maxWaitMs: 60_000 }), 12);
    client.send("ApiVersions", { clientSoftwareName: "a", clientSoftwareVersion: "1" }, 3);
    await settled();
    expect(client.wire.readNow().length).toBe(0);
    await house.connect().produce("t", 0, ["now"]);
    expect((await client.answer("Fetch", 12)).responses).toHaveLength(1);
    expect((await client.answer("ApiVersions", 3)).errorCode).toBe(0);
  });

  test("as many batches as fit, the first in any case", async () => {
    for (let i = 0; i < 5; i++) await client.produce("t", 0, ["x".repeat(1000)]);
    expect((await client.fetch("t", 0, 0, { partitionMaxBytes: 2500 })).batches).toHaveLength(2);
    expect((await client.fetch("t", 0, 3, { maxBytes: 10 })).found.map(({ offset }) => offset)).toEqual([3]);
    await client.produce("t", 1, ["other"]);
    const both = await client.call(
      "Fetch",
      {
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 2500,
        topics: [
          {
            topic: "t",
            topicId: "AAAAAAAAAAAAAAAAAAAAAA",
            partitions: [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000 })),
          },
        ],
      },
      12,
    );
    expect(both.responses[0]!.partitions.map(({ records }) => records!.length > 0)).toEqual([true, true]);
  });

  test("from the middle of a batch the whole batch comes", async () => {
    await client.produce("t", 0, ["a", "b", "c"]);
    expect((await client.fetch("t", 0, 2)).found.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  test("what cannot be fetched", async () => {
    await client.produce("t", 0, ["a"]);
    expect((await client.fetch("t", 0, 2)).error).toBe("OFFSET_OUT_OF_RANGE");
    expect((await client.fetch("t", 0, -1, { maxWaitMs: 60_000 })).error).toBe("OFFSET_OUT_OF_RANGE");
    expect((await client.fetch("t", 5, 0, { maxWaitMs: 60_000 })).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    const session = await client.call("Fetch", { ...fetchBody("t", 0, 0), sessionId: 77, sessionEpoch: 3 }, 12);
    expect(session).toMatchObject({ errorCode: 70, responses: [] });
    for (const sessionEpoch of [0, -1]) {
      const full = await client.call("Fetch", { ...fetchBody("t", 0, 0), sessionId: 77, sessionEpoch }, 12);
      expect(full).toMatchObject({ errorCode: 0, sessionId: 0, responses: [{ partitions: [{ errorCode: 0, highWatermark: 1 }] }] });
    }
  });

  test("a deleted topic ends the wait for it", async () => {
    const waiting = client.fetch("t", 0, 0, { maxWaitMs: 60_000 });
    await settled();
    await house.connect().call("DeleteTopics", { topics: [{ name: "t", topicId: "AAAAAAAAAAAAAAAAAAAAAA" }], timeoutMs: 1 });
    expect((await waiting).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  });
});

describe("the log", () => {
  const offsets = async (timestamp: number, version = 11) => {
    const partitions = [{ partitionIndex: 0, timestamp }];
    const { topics } = await client.call(
      "ListOffsets",
      { replicaId: -1, isolationLevel: 0, topics: [{ name: "t", partitions }], timeoutMs: 1 },
      version,
    );
    return topics[0]!.partitions[0]!;
  };

  test("offsets by time", async () => {
    for (const times of [[100, 200], [300, 250], [400]]) {
      await client.produce("t", 0, { records: times.map((timestamp) => ({ timestamp, value: Buffer.from(`${timestamp}`) })) });
    }
    expect(await offsets(-1)).toMatchObject({ offset: 5, timestamp: -1, errorCode: 0 });
    expect(await offsets(-2)).toMatchObject({ offset: 0, timestamp: -1 });
    expect(await offsets(-3)).toMatchObject({ offset: 4, timestamp: 400 });
    expect(await offsets(-4)).toMatchObject({ offset: 0 });
    expect(await offsets(-5)).toMatchObject({ offset: -1 });
    expect(await offsets(150)).toMatchObject({ offset: 1, timestamp: 200 });
    expect(await offsets(260)).toMatchObject({ offset: 2, timestamp: 300 });
    expect(await offsets(401)).toMatchObject({ offset: -1, timestamp: -1 });
    expect((await offsets(-3, 6)).errorCode).toBe(35);
    for (let version = 1; version <= 11; version++) expect((await offsets(-1, version)).offset).toBe(5);
    // Records need not be in order of time: here the later one of a batch is deleted, and the rest of it too early.
    await client.produce("t", 0, { records: [900, 500].map((timestamp) => ({ timestamp, value: null })) });
    await client.produce("t", 0, { records: [{ timestamp: 1000, value: null }] });
    await client.call("DeleteRecords", { topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset: 6 }] }], timeoutMs: 1 });
    expect(await offsets(450)).toMatchObject({ offset: 6, timestamp: 500 });
    expect(await offsets(800)).toMatchObject({ offset: 7, timestamp: 1000 });
  });

  test("records can be deleted up to an offset", async () => {
    for (const value of ["a", "b", "c"]) await client.produce("t", 0, [value, value]);
    const cut = async (offset: number) =>
      (await client.call("DeleteRecords", { topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset }] }], timeoutMs: 1 }))
        .topics[0]!.partitions[0]!;
    expect(await cut(3)).toMatchObject({ lowWatermark: 3, errorCode: 0 });
    expect((await client.fetch("t", 0, 2)).error).toBe("OFFSET_OUT_OF_RANGE");
    expect(valuesOf((await client.fetch("t", 0, 3)).found)).toEqual(["b", "b", "c", "c"]); // whole batches
    expect(await cut(7)).toMatchObject({ lowWatermark: -1, errorCode: 1 });
    expect(await cut(-1)).toMatchObject({ lowWatermark: 6, errorCode: 0 });
    expect(await client.fetch("t", 0, 6)).toMatchObject({ error: "NONE", logStartOffset: 6, highWatermark: 6 });
    expect(await client.produce("t", 0, ["d"])).toMatchObject({ baseOffset: 6, logStartOffset: 6 });
  });

  test("old records go by time, many records by size", async () => {
    await client.createTopic("short", 1, { "retention.ms": "60000" });
    await client.produce("short", 0, ["old"]);
    await house.house.clock.advance(150_000);
    expect(await client.fetch("short", 0, 1)).toMatchObject({ error: "NONE", logStartOffset: 1 });
    await client.createTopic("little", 1, { "retention.bytes": "3000" });
    for (let i = 0; i < 10; i++) await client.produce("little", 0, ["x".repeat(1000)]);
    expect(await client.fetch("little", 0, 9)).toMatchObject({ error: "NONE", logStartOffset: 7 });
  });

  test("many small batches are kept without the chunks they came in", async () => {
    for (let i = 0; i < 300; i++) client.send("Produce", produceBody("t", 0, writeBatch(batchOf([`value ${i}`])).bytes), 12);
    for (let i = 0; i < 300; i++) await client.answer("Produce", 12);
    const { found, batches } = await client.fetch("t", 0, 0);
    expect(valuesOf(found)).toEqual(Array.from({ length: 300 }, (_, i) => `value ${i}`));
    expect(batches).toHaveLength(300);
    expect([...records(batches[299]!)][0]!.offset).toBe(299);
  });
});
