import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Errors, errorName } from "../../src/kafka/wire/errors.ts";
import { partitionForKey } from "../../src/kafka/broker/partitioner.ts";
import { settled } from "../support/memory.ts";
import { type TestClient, TestCluster, valuesOf } from "./client.ts";

let house: TestCluster;
let client: TestClient;
const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";

beforeEach(() => {
  house = new TestCluster({ brokers: 3 });
  client = house.connect();
});
afterEach(() => house[Symbol.dispose]());

async function metadata(...names: string[]) {
  const topics = names.map((name) => ({ topicId: NO_ID, name }));
  return client.call("Metadata", { topics, includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false });
}

describe("metadata", () => {
  test("brokers, leaders round robin, replicas", async () => {
    await client.createTopic("t", 4, {}, 2);
    const {
      brokers,
      controllerId,
      clusterId,
      topics: [topic],
    } = await metadata("t");
    expect(brokers.map(({ nodeId, host, port }) => [nodeId, host, port])).toEqual([
      [1, "memory", 9092],
      [2, "memory", 9093],
      [3, "memory", 9094],
    ]);
    expect(controllerId).toBe(1);
    expect(clusterId).toMatch(/^[\w-]{22}$/);
    expect(topic!.partitions.map((p) => [p.partitionIndex, p.leaderId, p.leaderEpoch, p.replicaNodes, p.isrNodes])).toEqual([
      [0, 1, 0, [1, 2], [1, 2]],
      [1, 2, 0, [2, 3], [2, 3]],
      [2, 3, 0, [3, 1], [3, 1]],
      [3, 1, 0, [1, 2], [1, 2]],
    ]);
  });

  test("all topics, none, by id, and what is not there", async () => {
    const id = await client.createTopic("t");
    await client.createTopic("u");
    const all = await client.call("Metadata", {
      topics: null,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    });
    expect(all.topics.map(({ name }) => name)).toEqual(["t", "u"]);
    expect((await metadata()).topics).toEqual([]);
    const ask = async (name: string | null, topicId: string, allowAutoTopicCreation = true) =>
      (
        await client.call("Metadata", {
          topics: [{ topicId, name }],
          allowAutoTopicCreation,
          includeClusterAuthorizedOperations: false,
          includeTopicAuthorizedOperations: false,
        })
      ).topics[0]!;
    expect(await ask(null, id)).toMatchObject({ name: "t", topicId: id, errorCode: 0 });
    expect(await ask(null, "BBBBBBBBBBBBBBBBBBBBBA")).toMatchObject({ name: null, errorCode: Errors.UNKNOWN_TOPIC_ID });
    expect(await ask("new", NO_ID, false)).toMatchObject({ name: "new", errorCode: Errors.UNKNOWN_TOPIC_OR_PARTITION });
    expect((await ask("new", NO_ID)).partitions).toHaveLength(3);
    expect(await ask("no spaces", NO_ID)).toMatchObject({ errorCode: Errors.INVALID_TOPIC_EXCEPTION });
    for (let version = 0; version <= 13; version++) {
      const { topics } = await client.call(
        "Metadata",
        {
          topics: [{ topicId: NO_ID, name: "t" }],
          includeClusterAuthorizedOperations: false,
          includeTopicAuthorizedOperations: false,
        },
        version,
      );
      expect(topics[0]).toMatchObject({ name: "t", errorCode: 0 });
    }
  });

  test("nothing by id before version 12, which is when clients can ask so", async () => {
    const topicId = await client.createTopic("t");
    for (const asked of [
      { topicId, name: null },
      { topicId, name: "t" },
      { topicId: NO_ID, name: null },
    ]) {
      for (const version of [10, 11]) {
        const { brokers, topics } = await client.call(
          "Metadata",
          {
            topics: [asked, { topicId: NO_ID, name: "t" }],
            includeClusterAuthorizedOperations: false,
            includeTopicAuthorizedOperations: false,
          },
          version,
        );
        expect(brokers).toEqual([]);
        expect(topics.map(({ errorCode, name }) => [errorName(errorCode), name])).toEqual([
          ["INVALID_REQUEST", asked.name ?? ""],
          ["INVALID_REQUEST", "t"],
        ]);
      }
    }
  });

  test("no page that cannot be", async () => {
    await client.createTopic("a", 3);
    const page = async (topics: string[], topicName: string, partitionIndex: number) =>
      (
        await client.call("DescribeTopicPartitions", { topics: topics.map((name) => ({ name })), cursor: { topicName, partitionIndex } })
      ).topics.map(({ errorCode, name, partitions }) => `${name} ${errorName(errorCode)} ${partitions.length}`);
    expect(await page(["a"], "a", -1)).toEqual(["a INVALID_REQUEST 0"]);
    expect(await page(["a", "b"], "c", 0)).toEqual(["a INVALID_REQUEST 0", "b INVALID_REQUEST 0"]);
    expect(await page(["a"], "a", 100)).toEqual(["a NONE 0"]);
    expect(await page([], "A", 0)).toEqual(["a NONE 3"]);
  });

  test("in pages", async () => {
    await client.createTopic("a", 3);
    await client.createTopic("b", 3);
    const page = (cursor: { topicName: string; partitionIndex: number } | null) =>
      client.call("DescribeTopicPartitions", {
        topics: [{ name: "b" }, { name: "a" }, { name: "none" }],
        responsePartitionLimit: 2,
        cursor,
      });
    const seen: string[] = [];
    let cursor: { topicName: string; partitionIndex: number } | null = null;
    for (let pages = 0; pages < 10; pages++) {
      const answer: Awaited<ReturnType<typeof page>> = await page(cursor);
      for (const topic of answer.topics)
        seen.push(
          ...topic.partitions.map((p) => `${topic.name}-${p.partitionIndex}`),
          ...(topic.errorCode ? [errorName(topic.errorCode)] : []),
        );
      cursor = answer.nextCursor;
      if (cursor === null) break;
    }
    expect(seen).toEqual(["a-0", "a-1", "a-2", "b-0", "b-1", "b-2", "UNKNOWN_TOPIC_OR_PARTITION"]);
  });

  test("the cluster", async () => {
    const found = await client.call("DescribeCluster", { includeClusterAuthorizedOperations: false, includeFencedBrokers: false });
    expect(found.brokers.map(({ brokerId, port }) => [brokerId, port])).toEqual([
      [1, 9092],
      [2, 9093],
      [3, 9094],
    ]);
    const controllers = await client.call("DescribeCluster", {
      includeClusterAuthorizedOperations: false,
      includeFencedBrokers: false,
      endpointType: 2,
    });
    expect(errorName(controllers.errorCode)).toBe("MISMATCHED_ENDPOINT_TYPE");
    expect([controllers.errorMessage, controllers.clusterAuthorizedOperations]).toEqual([expect.any(String), -0x8000_0000]);
  });
});

describe("topics", () => {
  const create = async (topic: object, validateOnly = false) => {
    const { topics } = await client.call("CreateTopics", {
      topics: [{ name: "t", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...topic }],
      validateOnly,
    });
    return { ...topics[0]!, error: errorName(topics[0]!.errorCode) };
  };

  test("are created as asked", async () => {
    const created = await create({ numPartitions: 2, replicationFactor: 3, configs: [{ name: "retention.ms", value: "1000" }] });
    expect(created).toMatchObject({ error: "NONE", numPartitions: 2, replicationFactor: 3 });
    expect(created.configs!.find(({ name }) => name === "retention.ms")).toMatchObject({ value: "1000", configSource: 1 });
    expect(await create({ name: "defaults", numPartitions: -1, replicationFactor: -1 })).toMatchObject({
      numPartitions: 3,
      replicationFactor: 1,
    });
    expect((await create({ name: "dry" }, true)).error).toBe("NONE");
    expect(house.cluster.topics.has("dry")).toBe(false);
    await create({
      name: "placed",
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [
        { partitionIndex: 1, brokerIds: [1] },
        { partitionIndex: 0, brokerIds: [3] },
      ],
    });
    expect(house.cluster.topics.get("placed")!.partitions.map(({ leader }) => leader)).toEqual([3, 1]);
  });

  test("or not, with Kafka's errors", async () => {
    await create({ name: "a.b" });
    expect((await create({ name: "a.b" })).error).toBe("TOPIC_ALREADY_EXISTS");
    expect((await create({ name: "a_b" })).error).toBe("INVALID_TOPIC_EXCEPTION");
    for (const name of ["", ".", "..", "a b", "ä", "x".repeat(250)]) expect((await create({ name })).error).toBe("INVALID_TOPIC_EXCEPTION");
    expect((await create({ numPartitions: 0 })).error).toBe("INVALID_PARTITIONS");
    expect((await create({ replicationFactor: 0 })).error).toBe("INVALID_REPLICATION_FACTOR");
    expect((await create({ replicationFactor: 4 })).error).toBe("INVALID_REPLICATION_FACTOR");
    const config = (name: string, value: string | null) => create({ configs: [{ name, value }] });
    expect(await config("retention.msx", "1")).toMatchObject({
      error: "INVALID_CONFIG",
      errorMessage: "unknown topic configuration retention.msx",
    });
    expect((await config("retention.ms", "soon")).error).toBe("INVALID_CONFIG");
    expect((await config("retention.ms", "-2")).error).toBe("INVALID_CONFIG");
    expect((await config("cleanup.policy", "burn")).error).toBe("INVALID_CONFIG");
    expect((await config("cleanup.policy", null)).error).toBe("INVALID_CONFIG");
    const wrong: [string, string][] = [
      ["max.message.bytes", "99999999999"],
      ["min.cleanable.dirty.ratio", "1.1"],
      ["segment.bytes", "1048575"],
      ["compression.gzip.level", "0"],
      ["compression.gzip.level", "10"],
      ["compression.lz4.level", "18"],
      ["compression.zstd.level", "23"],
      ["remote.storage.enable", "true"],
      ["leader.replication.throttled.replicas", "a:b"],
      ["min.compaction.lag.ms", "99999999999999999999"],
      ["preallocate", "perhaps"],
    ];
    for (const [name, value] of wrong) expect([name, value, (await config(name, value)).error]).toEqual([name, value, "INVALID_CONFIG"]);
    const lags = [
      { name: "min.compaction.lag.ms", value: "10" },
      { name: "max.compaction.lag.ms", value: "9" },
    ];
    expect((await create({ configs: lags })).error).toBe("INVALID_CONFIG");
    const right = {
      preallocate: " TRUE",
      "retention.ms": " 7 ",
      "cleanup.policy": " compact , delete",
      "leader.replication.throttled.replicas": "0:1,1:2",
      "compression.gzip.level": "-1",
    };
    expect((await create({ configs: Object.entries(right).map(([name, value]) => ({ name, value })) }, true)).error).toBe("NONE");
    expect((await create({ numPartitions: 0, replicationFactor: 0 })).error).toBe("INVALID_REPLICATION_FACTOR");
    const assignments = (...ids: number[][]) =>
      create({
        numPartitions: -1,
        replicationFactor: -1,
        assignments: ids.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
      });
    expect((await assignments([1, 1])).error).toBe("INVALID_REPLICA_ASSIGNMENT");
    expect((await assignments([1], [1, 2])).error).toBe("INVALID_REPLICA_ASSIGNMENT");
    expect((await assignments([9])).error).toBe("INVALID_REPLICA_ASSIGNMENT");
    expect((await create({ assignments: [{ partitionIndex: 0, brokerIds: [1] }] })).error).toBe("INVALID_REQUEST");
    expect(house.cluster.topics.size).toBe(1);
  });

  test("are deleted by name or id, and are another topic when created again", async () => {
    const first = await client.createTopic("t");
    const remove = async (name: string | null, topicId: string) =>
      errorName((await client.call("DeleteTopics", { topics: [{ name, topicId }], timeoutMs: 1 })).responses[0]!.errorCode);
    expect(await remove("t", NO_ID)).toBe("NONE");
    expect(await remove("t", NO_ID)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    const second = await client.createTopic("t");
    expect(second).not.toBe(first);
    expect(await remove(null, first)).toBe("UNKNOWN_TOPIC_ID");
    expect(await remove("t", second)).toBe("INVALID_REQUEST");
    expect(await remove(null, second)).toBe("NONE");
    await client.createTopic("t");
    expect((await client.call("DeleteTopics", { topicNames: ["t"], timeoutMs: 1 }, 5)).responses[0]).toMatchObject({
      name: "t",
      errorCode: 0,
    });
  });

  test("get more partitions, never fewer", async () => {
    await client.createTopic("t", 2);
    const grow = async (count: number, validateOnly = false, assignments: { brokerIds: number[] }[] | null = null) =>
      errorName(
        (await client.call("CreatePartitions", { topics: [{ name: "t", count, assignments }], timeoutMs: 1, validateOnly })).results[0]!
          .errorCode,
      );
    expect(await grow(2)).toBe("INVALID_PARTITIONS");
    expect(await grow(4, true)).toBe("NONE");
    expect(house.cluster.topics.get("t")!.partitions).toHaveLength(2);
    expect(await grow(4)).toBe("NONE");
    expect(await grow(5, false, [{ brokerIds: [2] }])).toBe("NONE");
    expect(await grow(7, false, [{ brokerIds: [2] }])).toBe("INVALID_REPLICA_ASSIGNMENT");
    expect(house.cluster.topics.get("t")!.partitions.map(({ leader }) => leader)).toEqual([1, 2, 3, 1, 2]);
  });

  test("show their configuration", async () => {
    await client.createTopic("t", 1, { "retention.ms": "5" });
    const describe = async (resourceType: number, resourceName: string, configurationKeys: string[] | null) =>
      (await client.call("DescribeConfigs", { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true }))
        .results[0]!;
    const topic = await describe(2, "t", ["retention.ms", "retention.bytes"]);
    expect(topic.configs).toMatchObject([
      { name: "retention.bytes", value: "-1", configSource: 5, configType: 5 },
      { name: "retention.ms", value: "5", configSource: 1, synonyms: [{ name: "retention.ms", value: "5", source: 1 }] },
    ]);
    expect(topic.configs[0]!.synonyms).toEqual([{ name: "log.retention.bytes", value: "-1", source: 5 }]);
    expect(topic.errorMessage).toBe("");
    expect((await describe(4, "", null)).configs).toEqual([]);
    expect((await describe(2, "t", null)).configs.length).toBeGreaterThan(30);
    expect(errorName((await describe(2, "nowhere", null)).errorCode)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect((await describe(4, "2", ["node.id"])).configs).toMatchObject([{ name: "node.id", value: "2", readOnly: true }]);
    expect(errorName((await describe(4, "9", null)).errorCode)).toBe("INVALID_REQUEST");
  });

  test("change their configuration, one value or all", async () => {
    await client.createTopic("t", 1, { "retention.ms": "5" });
    const own = () => house.cluster.topics.get("t")!.config.own();
    const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];
    const change = async (
      configs: [string, number, string | null][],
      { resourceType = 2, resourceName = "t", validateOnly = false } = {},
    ) => {
      const resource = {
        resourceType,
        resourceName,
        configs: configs.map(([name, configOperation, value]) => ({ name, configOperation, value })),
      };
      return errorName((await client.call("IncrementalAlterConfigs", { resources: [resource], validateOnly })).responses[0]!.errorCode);
    };
    expect(await change([["max.message.bytes", SET, "200"]], { validateOnly: true })).toBe("NONE");
    expect(own()).toEqual({ "retention.ms": "5" });
    expect(
      await change([
        ["max.message.bytes", SET, "200"],
        ["retention.ms", DELETE, null],
      ]),
    ).toBe("NONE");
    expect(own()).toEqual({ "max.message.bytes": "200" });
    expect((await client.produce("t", 0, ["x".repeat(200)])).error).toBe("MESSAGE_TOO_LARGE");
    expect(await change([["cleanup.policy", APPEND, "compact"]])).toBe("NONE");
    expect(own()["cleanup.policy"]).toBe("delete,compact");
    expect(
      await change([
        ["cleanup.policy", APPEND, "compact"],
        ["max.message.bytes", DELETE, "any"],
      ]),
    ).toBe("NONE");
    expect(
      await change([
        ["cleanup.policy", SUBTRACT, "delete"],
        ["unknown", DELETE, null],
      ]),
    ).toBe("NONE");
    expect(own()).toEqual({ "cleanup.policy": "compact" });
    expect(await change([["retention.ms", SET, null]])).toBe("INVALID_REQUEST");
    expect(
      await change([
        ["retention.ms", SET, "1"],
        ["retention.ms", SET, "2"],
      ]),
    ).toBe("INVALID_REQUEST");
    expect(await change([["retention.ms", SET, "soon"]])).toBe("INVALID_CONFIG");
    expect(await change([["retention.ms", APPEND, "1"]])).toBe("INVALID_CONFIG");
    expect(await change([["unknown", SET, "1"]])).toBe("INVALID_CONFIG");
    expect(await change([["retention.ms", 7, "1"]])).toBe("UNKNOWN_SERVER_ERROR");
    expect(await change([], { resourceName: "nowhere" })).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await change([], { resourceName: "a b" })).toBe("INVALID_TOPIC_EXCEPTION");
    expect(await change([], { resourceName: "" })).toBe("INVALID_REQUEST");
    expect(await change([], { resourceType: 99 })).toBe("INVALID_REQUEST");
    expect(own()).toEqual({ "cleanup.policy": "compact" });
    expect(
      await change([
        ["cleanup.policy", SET, " compact , delete,compact"],
        ["preallocate", SET, " TRUE"],
        ["retention.ms", SET, " +07 "],
      ]),
    ).toBe("NONE");
    expect(own()).toEqual({ "cleanup.policy": "compact,delete", preallocate: "true", "retention.ms": "7" });
    const all = async (...resources: [string, [string, string | null][]][]) =>
      (
        await client.call("AlterConfigs", {
          resources: resources.map(([resourceName, configs]) => ({
            resourceType: 2,
            resourceName,
            configs: configs.map(([name, value]) => ({ name, value })),
          })),
          validateOnly: false,
        })
      ).responses.map(({ errorCode }) => errorName(errorCode));
    expect(await all(["t", [["retention.ms", "7"]]], ["nowhere", []])).toEqual(["NONE", "UNKNOWN_TOPIC_OR_PARTITION"]);
    expect(own()).toEqual({ "retention.ms": "7" });
    expect(await all(["t", [["retention.ms", null]]])).toEqual(["INVALID_REQUEST"]);
    expect(await all(["t", []], ["t", []])).toEqual(["INVALID_REQUEST", "INVALID_REQUEST"]);
    expect(own()).toEqual({ "retention.ms": "7" });
    expect(await all(["t", []])).toEqual(["NONE"]);
    expect(own()).toEqual({});
  });

  test("options make topics at the start", () => {
    using other = new TestCluster({ topics: { orders: { partitions: 6, retention: 7, retention_bytes: 9 } } });
    const topic = other.cluster.topics.get("orders")!;
    expect([topic.partitions.length, topic.config.retentionMs, topic.config.retentionBytes]).toEqual([6, 7, 9]);
  });
});

describe("leaders", () => {
  test("only the leader takes and gives records, and says who leads", async () => {
    await client.createTopic("t", 2);
    expect(await client.produce("t", 1, ["a"])).toMatchObject({
      error: "NOT_LEADER_OR_FOLLOWER",
      currentLeader: { leaderId: 2, leaderEpoch: 0 },
    });
    const { nodeEndpoints } = await client.call("Fetch", {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [
        { topic: "", topicId: house.cluster.topics.get("t")!.id, partitions: [{ partition: 1, fetchOffset: 0, partitionMaxBytes: 1 }] },
      ],
    });
    expect(nodeEndpoints).toEqual([{ nodeId: 2, host: "memory", port: 9093, rack: null }]);
    expect((await house.connect(2).produce("t", 1, ["a"])).error).toBe("NONE");
  });

  test("an election ends waits at the old leader and moves on the epoch", async () => {
    await client.createTopic("t", 1, {}, 3);
    await client.produce("t", 0, ["first"]);
    const waiting = client.fetch("t", 0, 1, { maxWaitMs: 60_000 });
    await settled();
    expect(house.cluster.electLeader("t", 0)).toBe(2);
    expect((await waiting).error).toBe("NOT_LEADER_OR_FOLLOWER");
    const second = house.connect(2);
    await second.produce("t", 0, ["second"]);
    const got = await second.fetch("t", 0, 0);
    expect(valuesOf(got.found)).toEqual(["first", "second"]);
    expect(got.batches.map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 1]);
    expect(house.cluster.electLeader("t", 0, 3)).toBe(3);
    expect(() => house.cluster.electLeader("t", 0, 9)).toThrow("broker 9 is no in-sync replica of t-0: these are 1, 2, 3");
    expect(() => house.cluster.electLeader("u", 0)).toThrow("there is no partition 0 of topic u");
  });

  test("epochs that clients know are checked (KIP-320)", async () => {
    await client.createTopic("t", 1, {}, 3);
    await client.produce("t", 0, ["a", "b"]);
    house.cluster.electLeader("t", 0, 2);
    const second = house.connect(2);
    await second.produce("t", 0, ["c"]);
    const end = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
      const { topics } = await second.call("OffsetForLeaderEpoch", {
        topics: [{ topic: "t", partitions: [{ partition: 0, leaderEpoch, currentLeaderEpoch }] }],
      });
      const { errorCode, leaderEpoch: epoch, endOffset } = topics[0]!.partitions[0]!;
      return [errorName(errorCode), epoch, endOffset];
    };
    expect(await end(0)).toEqual(["NONE", 0, 2]);
    expect(await end(1)).toEqual(["NONE", 1, 3]);
    expect(await end(2)).toEqual(["NONE", -1, -1]);
    expect(await end(0, 0)).toEqual(["FENCED_LEADER_EPOCH", -1, -1]);
    expect(await end(0, 2)).toEqual(["UNKNOWN_LEADER_EPOCH", -1, -1]);
  });

  test("too few replicas in sync refuse what wants all of them", async () => {
    await client.createTopic("t", 1, { "min.insync.replicas": "2" }, 2);
    expect((await client.produce("t", 0, ["a"])).error).toBe("NONE");
    house.cluster.killBroker(2);
    expect((await client.produce("t", 0, ["b"])).error).toBe("NOT_ENOUGH_REPLICAS");
    expect((await client.produce("t", 0, ["c"], { acks: 1 })).error).toBe("NONE");
    house.cluster.restartBroker(2);
    expect((await client.produce("t", 0, ["d"])).error).toBe("NONE");
  });
});

describe("brokers", () => {
  test("a killed one resets its connections; its partitions move where they have replicas", async () => {
    await client.createTopic("safe", 3, {}, 2);
    await client.createTopic("alone", 3);
    const second = house.connect(2);
    await second.produce("alone", 1, ["kept"]);
    house.cluster.killBroker(2);
    expect(await second.wire.closed()).toBe("reset");
    expect([...house.closed]).toEqual([2]);
    const {
      brokers,
      topics: [safe, alone],
    } = await metadata("safe", "alone");
    expect(brokers.map(({ nodeId }) => nodeId)).toEqual([1, 3]);
    expect(safe!.partitions.map((p) => [p.leaderId, p.leaderEpoch, p.isrNodes, p.offlineReplicas])).toEqual([
      [1, 0, [1], [2]],
      [3, 1, [3], [2]],
      [3, 0, [3, 1], []],
    ]);
    expect(alone!.partitions[1]).toMatchObject({
      errorCode: Errors.LEADER_NOT_AVAILABLE,
      leaderId: -1,
      isrNodes: [2],
      offlineReplicas: [2],
    });

    house.cluster.restartBroker(2);
    expect([...house.closed]).toEqual([]);
    const after = await metadata("safe", "alone");
    expect(after.topics[0]!.partitions.map((p) => [p.leaderId, p.isrNodes])).toEqual([
      [1, [1, 2]],
      [3, [3, 2]],
      [3, [3, 1]],
    ]);
    expect(after.topics[1]!.partitions[1]).toMatchObject({ errorCode: 0, leaderId: 2, leaderEpoch: 2 });
    expect(valuesOf((await house.connect(2).fetch("alone", 1, 0)).found)).toEqual(["kept"]);
    expect(() => house.cluster.killBroker(4)).toThrow("there is no Kafka broker 4: there are 1 to 3");
  });

  test("a paused one is silent until it goes on", async () => {
    const before = house.connect(2);
    house.cluster.pauseBroker(2);
    const after = house.connect(2);
    await settled();
    for (const one of [before, after]) one.send("ApiVersions", { clientSoftwareName: "a", clientSoftwareVersion: "1" });
    await settled();
    expect([before.wire.readNow().length, after.wire.readNow().length]).toEqual([0, 0]);
    house.cluster.resumeBroker(2);
    for (const one of [before, after]) expect((await one.answer("ApiVersions")).errorCode).toBe(0);
  });
});

describe("publishing from within", () => {
  test("by key, by partition, in turn", async () => {
    await client.createTopic("t", 3);
    for (let i = 0; i < 3; i++) house.cluster.publish({ protocol: "kafka", topic: "t", payload: `turn ${i}` });
    house.cluster.publish({
      protocol: "kafka",
      topic: "t",
      partition: 1,
      payload: { a: 1 },
      headers: { n: 5, gone: null, deep: { x: [1] } },
    });
    house.cluster.publish({ protocol: "kafka", topic: "t", key: "customer-17", payload: null });
    const all = await Promise.all([1, 2, 3].map(async (node) => (await house.connect(node).fetch("t", node - 1, 0)).found));
    expect(all.map((found) => found[0]!.value!.toString())).toEqual(["turn 0", "turn 1", "turn 2"]);
    expect(all[1]![1]!.value!.toString()).toBe('{"a":1}');
    expect(all[1]![1]!.headers.map(({ key, value }) => [key, value?.toString()])).toEqual([
      ["n", "5"],
      ["gone", undefined],
      ["deep", '{"x":[1]}'],
    ]);
    const keyed = all[partitionForKey(Buffer.from("customer-17"), 3)]!.at(-1)!;
    expect([keyed.key!.toString(), keyed.value]).toEqual(["customer-17", null]);
    expect(() => house.cluster.publish({ protocol: "kafka", topic: "t", partition: 3, payload: "" })).toThrow(
      "there is no partition 3 of topic t",
    );
  });

  test("keys go where Java's clients send them", () => {
    // What Java's client answers.
    const known: [string, number][] = [
      ["", 681],
      ["a", 524],
      ["ab", 434],
      ["abc", 107],
      ["abcd", 100],
      ["customer-17", 640],
      ["a longer key with spaces", 716],
      ["ключ", 24],
    ];
    for (const [key, partition] of known) expect(partitionForKey(Buffer.from(key), 1000)).toBe(partition);
  });
});
