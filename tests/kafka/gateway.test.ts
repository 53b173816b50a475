import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import type { Observer } from "../../src/hooks/observer.ts";
import { close, drop, duplicate, expire, fail, type Plugin, reorder, replace, reroute } from "../../src/hooks/plugin.ts";
import { readRequestHeader, writeResponseHeader } from "../../src/kafka/wire/api.ts";
import { errorName, Errors } from "../../src/kafka/wire/errors.ts";
import { writeBatch } from "../../src/kafka/wire/records.ts";
import { connectMemory } from "../../src/net/memory.ts";
import { type ApiName, apiNamed, batchOf, fetchBody, produceBody, recordsOf, TestClient, valuesOf } from "./client.ts";
import { addressOf, listenGateway, type ListeningGateway } from "./gateway.ts";
import { listenKafka, type ListeningCluster } from "./listening.ts";

let behind: ListeningCluster;
let front: ListeningGateway;
let topics = 0;
const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";
/** Of Metadata. */
const PLAIN = { includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false };

beforeAll(() => {
  behind = listenKafka({ brokers: 3 });
  front = listenGateway(addressOf(behind.brokers[0]!));
});
afterEach(() => front.house.install({}));
afterAll(() => {
  front[Symbol.dispose]();
  behind[Symbol.dispose]();
});

const connect = (listener = 1, clientId = "test", gateway = front): TestClient =>
  new TestClient(connectMemory(gateway.gateway, gateway.house.net, listener), clientId);
const install = (plugin: Plugin) => front.house.install(plugin);

/** What lies in a partition of the cluster behind, however it got there. */
function stored(topic: string, partition = 0): string[] {
  const entries = behind.cluster.partition(topic, partition)!.log.read(0, 1e9, true);
  return entries.flatMap(({ bytes }) => valuesOf(recordsOf(bytes)));
}

function newTopic(partitions = 1): string {
  const name = `topic-${++topics}`;
  behind.cluster.createTopic(name, { partitions });
  return name;
}

/** Asks for metadata, after which the gateway has a listener for every broker. */
async function meet(client = connect()) {
  const { brokers } = await client.call("Metadata", { topics: null, ...PLAIN });
  return brokers;
}

describe("every broker is reached through the gateway", () => {
  test("Metadata, DescribeCluster and FindCoordinator name its listeners, in every version", async () => {
    const client = connect();
    const ours = await meet(client);
    expect(ours.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
    expect([...front.ports.keys()]).toEqual([1, 2, 3]);
    const shown = new Map([...front.ports].map(([id, port]) => [id, { host: "127.0.0.1", port }]));
    const { first, last } = apiNamed("Metadata");
    for (let version = first; version <= last; version++) {
      const { brokers } = await client.call("Metadata", { topics: version === 0 ? [] : null, ...PLAIN }, version);
      for (const { nodeId, host, port } of brokers) expect({ host, port }).toEqual(shown.get(nodeId)!);
      expect(brokers).toHaveLength(3);
    }
    for (const { brokerId, host, port } of (
      await client.call("DescribeCluster", { includeClusterAuthorizedOperations: false, includeFencedBrokers: false })
    ).brokers) {
      expect({ host, port }).toEqual(shown.get(brokerId)!);
    }
    for (let version = 0; version <= apiNamed("FindCoordinator").last; version++) {
      const answer = await client.call("FindCoordinator", { key: "g", coordinatorKeys: ["g", "h"] }, version);
      const found = version < 4 ? [answer] : answer.coordinators;
      expect(found).toHaveLength(version < 4 ? 1 : 2);
      for (const { nodeId, host, port } of found) expect({ host, port }).toEqual(shown.get(nodeId)!);
    }
  });

  test("each listener leads to its own broker, and a broker that does not lead names ours", async () => {
    const topic = newTopic(3);
    await meet();
    for (const node of [1, 2, 3]) {
      const client = connect(node);
      const partition = behind.cluster.topics.get(topic)!.partitions.findIndex(({ leader }) => leader === node);
      expect((await client.produce(topic, partition, [`of ${node}`])).error).toBe("NONE");
      expect(valuesOf((await client.fetch(topic, partition, 0)).found)).toEqual([`of ${node}`]);
    }
    const id = behind.cluster.topics.get(topic)!.id;
    const partition = behind.cluster.topics.get(topic)!.partitions.find(({ leader }) => leader === 2)!.index;
    const client = connect(1);
    const { bytes } = writeBatch(batchOf(["astray"]));
    const produced = await client.call("Produce", {
      ...produceBody("", partition, bytes),
      topicData: [{ name: "", topicId: id, partitionData: [{ index: partition, records: bytes }] }],
    });
    expect(errorName(produced.responses[0]!.partitionResponses[0]!.errorCode)).toBe("NOT_LEADER_OR_FOLLOWER");
    expect(produced.nodeEndpoints).toEqual([{ nodeId: 2, host: "127.0.0.1", port: front.ports.get(2)!, rack: null }]);
    const fetched = await client.call("Fetch", {
      ...fetchBody("", partition, 0),
      topics: [{ topic: "", topicId: id, partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    });
    expect(fetched.nodeEndpoints).toEqual([{ nodeId: 2, host: "127.0.0.1", port: front.ports.get(2)!, rack: null }]);
  });

  test("a broker whose number is taken gets the next one that is free", async () => {
    // The address that was given is that of node 3: its listener is the first, and node 1 has to go elsewhere.
    using other = listenGateway(addressOf(behind.brokers[2]!));
    const { brokers } = await connect(1, "test", other).call("Metadata", { topics: null, ...PLAIN });
    const listenerOf = (node: number): number => {
      const { port } = brokers.find(({ nodeId }) => nodeId === node)!;
      return [...other.ports].find(([, one]) => one === port)![0];
    };
    expect(listenerOf(3)).toBe(1);
    expect(new Set([1, 2, 3].map(listenerOf)).size).toBe(3);
    const topic = newTopic(3);
    for (const node of [1, 2, 3]) {
      const partition = behind.cluster.topics.get(topic)!.partitions.findIndex(({ leader }) => leader === node);
      expect((await connect(listenerOf(node), "test", other).produce(topic, partition, ["x"])).error).toBe("NONE");
    }
  });
});

describe("what nobody wants to see", () => {
  test("passes byte by byte, both ways", async () => {
    const topic = newTopic();
    const client = connect();
    const { bytes } = writeBatch({ ...batchOf(["a", "b"]), codec: "gzip" });
    expect(await client.produce(topic, 0, bytes)).toMatchObject({ error: "NONE", baseOffset: 0 });
    const got = await client.fetch(topic, 0, 0);
    expect(got.batches[0]!.bytes.subarray(16)).toEqual(bytes.subarray(16));
    // Once the same request through the gateway and once past it: the answers are the same bytes.
    const direct = new TestClient(connectMemory(behind.cluster, behind.house.net, 1), "test");
    for (const [name, body, version] of [
      ["ListOffsets", { replicaId: -1, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }, 8],
      ["Fetch", fetchBody(topic, 0, 0), 12],
      ["DescribeConfigs", { resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }] }, 4],
    ] as [ApiName, any, number][]) {
      const answers = await Promise.all(
        [client, direct].map((one) => {
          const id = one.send(name, body, version);
          return one.frame().then((frame) => ({ id, body: frame.subarray(4) }));
        }),
      );
      expect(answers[0]!.body).toEqual(answers[1]!.body);
    }
  });

  test("a request with acks=0 goes on, and nobody answers", async () => {
    const topic = newTopic();
    const client = connect();
    for (const value of ["a", "b", "c"]) client.send("Produce", produceBody(topic, 0, writeBatch(batchOf([value])).bytes, 0), 12);
    const { apiKeys } = await client.call("ApiVersions", { clientSoftwareName: "a", clientSoftwareVersion: "1" });
    expect(apiKeys.length).toBeGreaterThan(20);
    expect(stored(topic)).toEqual(["a", "b", "c"]);
  });

  test("a refused request with acks=0 ends the connection, as it does behind", async () => {
    const client = connect();
    client.send("Produce", produceBody("topic-of-nobody", 5, writeBatch(batchOf(["x"])).bytes, 0), 12);
    expect(await client.wire.closed()).toBe("end");
  });

  test("an API that no table of ours knows ends the connection", async () => {
    const client = connect();
    const w = new Writer();
    const mark = w.open();
    w.i16(78); // ShareFetch
    w.i16(1);
    w.i32(1);
    w.i16(-1);
    w.close(mark);
    client.wire.send(w.toBuffer());
    expect(await client.wire.closed()).toBe("end");
  });

  test("fetch sessions are not begun, and one that is unknown is refused", async () => {
    const topic = newTopic();
    const client = connect();
    await client.produce(topic, 0, ["a"]);
    const first = await client.call("Fetch", { ...fetchBody(topic, 0, 0), sessionId: 0, sessionEpoch: 0 }, 12);
    expect(first).toMatchObject({ errorCode: 0, sessionId: 0 });
    const next = await client.call("Fetch", { ...fetchBody(topic, 0, 0), topics: [], sessionId: 7, sessionEpoch: 1 }, 12);
    expect(errorName(next.errorCode)).toBe("FETCH_SESSION_ID_NOT_FOUND");
  });

  test("transactions are refused by name", async () => {
    const topic = newTopic();
    const { bytes } = writeBatch({ ...batchOf(["x"]), transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 });
    const { responses } = await connect().call("Produce", { ...produceBody(topic, 0, bytes), transactionalId: "t" }, 12);
    expect(responses[0]!.partitionResponses[0]).toMatchObject({
      errorCode: Errors.INVALID_TXN_STATE,
      errorMessage: "transactions are not passed through the gateway",
    });
    expect(stored(topic)).toEqual([]);
  });
});

describe("hooks on operations", () => {
  test("see requests and answers, and change both", async () => {
    const seen: unknown[] = [];
    install({
      request: {
        match: { operation: "CreateTopics" },
        run: (op: any) => replace({ topics: op.body.topics.map((one: any) => ({ ...one, numPartitions: 4 })) }),
      },
      response: {
        match: { operation: "CreateTopics" },
        run: (op: any) => {
          seen.push(op.body.topics[0].numPartitions, op.connection.clientId);
          return replace({ throttleTimeMs: 0, topics: op.body.topics.map((one: any) => ({ ...one, errorMessage: "so be it" })) });
        },
      },
    });
    const answer = await connect().call("CreateTopics", {
      topics: [{ name: "made", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    });
    expect(seen).toEqual([4, "test"]);
    expect(answer.topics[0]).toMatchObject({ numPartitions: 4, errorMessage: "so be it" });
    expect(behind.cluster.topics.get("made")!.partitions).toHaveLength(4);
  });

  test("fail and reply keep a request from the cluster; a lost answer is one that was carried out", async () => {
    const topic = newTopic();
    install({ request: { match: { operation: "Produce" }, run: () => fail("NOT_ENOUGH_REPLICAS") } });
    expect((await connect().produce(topic, 0, ["a"])).error).toBe("NOT_ENOUGH_REPLICAS");
    expect(stored(topic)).toEqual([]);
    install({ response: { match: { operation: "Produce" }, run: () => close({ reset: true }) } });
    const client = connect();
    client.send("Produce", produceBody(topic, 0, writeBatch(batchOf(["kept"])).bytes), 12);
    expect(await client.wire.closed()).toBe("reset");
    expect(stored(topic)).toEqual(["kept"]);
  });

  test("every API can be refused, Metadata with what is known of the cluster", async () => {
    await meet();
    install({ request: () => fail("BROKER_NOT_AVAILABLE") });
    const client = connect();
    const metadata = await client.call("Metadata", { topics: [{ name: "t", topicId: NO_ID }], ...PLAIN });
    expect(metadata).toMatchObject({ errorCode: Errors.BROKER_NOT_AVAILABLE, clusterId: behind.cluster.id, controllerId: 1 });
    expect(metadata.brokers).toHaveLength(3);
    expect((await client.call("ApiVersions", { clientSoftwareName: "a", clientSoftwareVersion: "1" })).errorCode).toBe(
      Errors.BROKER_NOT_AVAILABLE,
    );
  });

  test("a topic id that nobody told of yet is asked for", async () => {
    const topic = newTopic();
    const topicId = behind.cluster.topics.get(topic)!.id;
    const seen: string[] = [];
    const { bytes } = writeBatch(batchOf(["by id"]));
    using fresh = listenGateway(addressOf(behind.brokers[0]!));
    fresh.house.install({
      request: { match: { topic }, run: () => void seen.push("request") },
      message: (message: any) => void seen.push(message.topic),
    });
    const client = connect(1, "test", fresh);
    const { responses } = await client.call("Produce", {
      ...produceBody("", 0, bytes),
      topicData: [{ name: "", topicId, partitionData: [{ index: 0, records: bytes }] }],
    });
    expect(responses[0]).toMatchObject({ topicId, partitionResponses: [{ errorCode: 0, baseOffset: 0 }] });
    expect(seen).toEqual(["request", topic]);
  });
});

describe("hooks on messages", () => {
  test("drop, replace and double what is sent, without holes in the offsets", async () => {
    const topic = newTopic();
    install({
      message: (message) => {
        const value = message.text();
        return value === "drop"
          ? drop()
          : value === "double"
            ? duplicate(1)
            : value === "change"
              ? replace({ payload: "changed" })
              : undefined;
      },
    });
    const client = connect();
    expect(await client.produce(topic, 0, ["a", "drop", "double", "change", "z"])).toMatchObject({ error: "NONE", baseOffset: 0 });
    const { found } = await client.fetch(topic, 0, 0);
    expect(found.map(({ offset, value }) => [offset, value!.toString()])).toEqual([
      [0, "a"],
      [1, "double"],
      [2, "double"],
      [3, "changed"],
      [4, "z"],
    ]);
    expect(await client.produce(topic, 0, ["drop"])).toMatchObject({ error: "NONE", baseOffset: -1 });
    expect(stored(topic)).toHaveLength(5);
  });

  test("refuse one batch of a request, the others are stored", async () => {
    const topic = newTopic(6);
    install({ message: (message) => (message.text() === "bad" ? fail("INVALID_RECORD", "no good") : undefined) });
    const led = behind.cluster.topics
      .get(topic)!
      .partitions.filter(({ leader }) => leader === 1)
      .map(({ index }) => index);
    const partitionData = led.map((index, i) => ({ index, records: writeBatch(batchOf([i === 0 ? "bad" : "good"])).bytes }));
    const { responses } = await connect().call(
      "Produce",
      { ...produceBody(topic, 0, Buffer.alloc(0)), topicData: [{ name: topic, topicId: "AAAAAAAAAAAAAAAAAAAAAA", partitionData }] },
      12,
    );
    expect(
      responses[0]!.partitionResponses.map(({ index, errorCode, errorMessage }) => [index, errorName(errorCode), errorMessage]),
    ).toEqual([
      [led[0]!, "INVALID_RECORD", "no good"],
      [led[1]!, "NONE", null],
    ]);
    expect(led.map((index) => stored(topic, index))).toEqual([[], ["good"]]);
  });

  test("an idempotent producer goes on where records were left out or doubled, and what it sends again is known again", async () => {
    const topic = newTopic();
    install({
      message: (message) => (message.text().startsWith("drop") ? drop() : message.text().startsWith("double") ? duplicate(2) : undefined),
    });
    const client = connect();
    const { producerId, producerEpoch } = await client.call("InitProducerId", { transactionalId: null, transactionTimeoutMs: 0 });
    let next = 0;
    const batch = (values: string[]) => {
      const made = writeBatch({ ...batchOf(values), producerId, producerEpoch, baseSequence: next }).bytes;
      next += values.length;
      return made;
    };
    const batches = [batch(["a", "b"]), batch(["c", "drop 1", "d"]), batch(["drop 2"]), batch(["double", "e"]), batch(["f", "g"])];
    for (const bytes of batches) expect((await client.produce(topic, 0, bytes)).error).toBe("NONE");
    const all = ["a", "b", "c", "d", "double", "double", "double", "e", "f", "g"];
    expect(stored(topic)).toEqual(all);
    // As after answers that were lost: the same bytes again, while a hook would now leave nothing out.
    install({ message: () => undefined });
    for (const bytes of batches) expect((await client.produce(topic, 0, bytes)).error).toBe("NONE");
    expect(stored(topic)).toEqual(all);
    install({});
    expect(await client.produce(topic, 0, batch(["h"]))).toMatchObject({ error: "NONE", baseOffset: 10 });
    expect(stored(topic)).toEqual([...all, "h"]);
  });

  test("reorder and reroute: the gateway sends on its own what no request carries any more", async () => {
    const [topic, other] = [newTopic(), newTopic(3)];
    install({
      message: (message) =>
        message.text() === "late" ? reorder(1) : message.text() === "elsewhere" ? reroute({ protocol: "kafka", topic: other }) : undefined,
    });
    const client = connect();
    await client.produce(topic, 0, ["late"]);
    await client.produce(topic, 0, ["a", "elsewhere"]);
    await client.produce(topic, 0, ["b"]);
    while (stored(topic).length < 3 || [0, 1, 2].every((index) => stored(other, index).length === 0)) await Bun.sleep(5);
    expect(stored(topic).toSorted()).toEqual(["a", "b", "late"]);
    expect([0, 1, 2].flatMap((index) => stored(other, index))).toEqual(["elsewhere"]);
  });

  test("messages from within go to their leaders, through the hooks", async () => {
    const topic = newTopic(3);
    install({ message: { match: { topic }, run: (message) => (message.text() === "no" ? drop() : undefined) } });
    const messages = ["a", "no", "b", "c"].map((payload, partition) => ({
      protocol: "kafka" as const,
      topic,
      payload,
      partition: partition % 3,
    }));
    const sent = await front.gateway.send(messages);
    expect(sent).toMatchObject({ accepted: 4, refused: 0 });
    expect([0, 1, 2].map((index) => stored(topic, index))).toEqual([["a", "c"], [], ["b"]]);
    expect(await front.gateway.send([{ protocol: "kafka", topic, payload: "x", partition: 3 }])).toMatchObject({
      refused: 1,
      reason: `there is no partition 3 of topic ${topic}`,
    });
    front.gateway.publish({ protocol: "kafka", topic: "no/good", payload: "x" });
    while (!front.house.lines.some((line) => line.includes("no/good"))) await Bun.sleep(5);
    expect(front.house.lines.at(-1)).toBe("kafka: a message could not be sent to no/good: topic no/good: INVALID_TOPIC_EXCEPTION");
  });

  test("the observer is told the offsets that the cluster gave", async () => {
    const topic = newTopic();
    await connect().produce(topic, 0, ["before"]);
    const told: unknown[] = [];
    const observer = new Proxy({} as Observer, {
      get: (_, name: string) =>
        name === "stored" || name === "refused" || name === "delivered" ? (...args: any[]) => told.push([name, ...args]) : () => undefined,
    });
    using fresh = listenGateway(addressOf(behind.brokers[0]!));
    fresh.house.install({ message: (message) => (message.text() === "drop" ? drop() : undefined) });
    fresh.house.seam.observe(observer);
    const client = connect(1, "test", fresh);
    await client.produce(topic, 0, ["a", "drop", "b"]);
    expect(told.map(([name, ...rest]: any) => (name === "stored" ? [name, rest[0], rest[1], rest[2].text()] : [name, rest[1]]))).toEqual([
      ["refused", "drop"],
      ["stored", `${topic}-0`, 1, "a"],
      ["stored", `${topic}-0`, 2, "b"],
    ]);
    told.length = 0;
    await client.fetch(topic, 0, 1);
    expect(told.map(([, { place, id }]: any) => [place, id])).toEqual([
      [`${topic}-0`, 1],
      [`${topic}-0`, 2],
    ]);
  });
});

describe("hooks on deliveries", () => {
  test("drop and change what a consumer gets; the log behind stays as it is", async () => {
    const topic = newTopic();
    const client = connect();
    await client.produce(topic, 0, ["a", "b", "c"]);
    install({ delivery: (message) => (message.text() === "a" ? drop() : message.text() === "b" ? replace({ payload: "B" }) : undefined) });
    expect((await client.fetch(topic, 0, 0)).found.map(({ offset, value }) => [offset, value!.toString()])).toEqual([
      [1, "B"],
      [2, "c"],
    ]);
    expect(stored(topic)).toEqual(["a", "b", "c"]);
  });

  test("nothing of a real cluster expires: that is said, and the record goes on", async () => {
    const topic = newTopic();
    const client = connect();
    await client.produce(topic, 0, ["a"]);
    install({ delivery: () => expire() });
    expect(valuesOf((await client.fetch(topic, 0, 0)).found)).toEqual(["a"]);
    expect(front.house.lines.at(-1)).toBe(`kafka: a record of ${topic}-0 cannot expire: the gateway deletes nothing from a real cluster`);
    expect(stored(topic)).toEqual(["a"]);
  });
});

describe("logging in", () => {
  test("SASL is handed through, and the user is known from then on", async () => {
    const client = connect(1, "alice's");
    const handshake = await client.call("SaslHandshake", { mechanism: "SCRAM-SHA-256" });
    expect(handshake).toEqual({ errorCode: Errors.UNSUPPORTED_SASL_MECHANISM, mechanisms: ["PLAIN"] });
    await client.call("SaslHandshake", { mechanism: "PLAIN" });
    expect((await client.call("SaslAuthenticate", { authBytes: Buffer.from("\0alice\0secret") })).errorCode).toBe(0);
    expect(front.house.net.connections({ user: "alice" }).map(({ clientId }) => clientId)).toEqual(["alice's"]);
    expect(behind.house.net.connections({ user: "alice" })).toHaveLength(1);
  });

  test("who is refused there is refused here, and the connection ends", async () => {
    const client = connect();
    await client.call("SaslHandshake", { mechanism: "PLAIN" });
    const answer = await client.call("SaslAuthenticate", { authBytes: Buffer.from("nonsense") });
    expect(answer.errorCode).toBe(Errors.SASL_AUTHENTICATION_FAILED);
    expect(await client.wire.closed()).toBe("end");
    expect(front.house.net.connections({ user: "nonsense" })).toEqual([]);
  });
});

describe("the connection to the cluster", () => {
  test("ends with the client's, and the client's with it", async () => {
    using cluster = listenKafka();
    using gateway = listenGateway(addressOf(cluster.brokers[0]!));
    const client = connect(1, "test", gateway);
    await meet(client);
    expect(cluster.house.net.connections({ client: "test" })).toHaveLength(1);
    client.wire.close();
    while (cluster.house.net.connections().length > 0) await Bun.sleep(2);
    const other = connect(1, "other", gateway);
    await meet(other);
    other.send("Fetch", { ...fetchBody("t", 0, 0), maxWaitMs: 30_000 }, 12);
    for (const connection of cluster.house.net.connections()) connection.abort(true);
    expect(await other.wire.closed()).toBe("end");
  });

  test("where nobody listens clients are turned away, and that is said once until somebody does", async () => {
    const cluster = listenKafka();
    const address = addressOf(cluster.brokers[0]!);
    using gateway = listenGateway(address);
    await meet(connect(1, "test", gateway));
    cluster.cluster.killBroker(1);
    for (let i = 0; i < 3; i++) {
      const client = connect(1, "test", gateway);
      client.send("Metadata", { topics: null, ...PLAIN });
      expect(await client.wire.closed()).toBe("end");
    }
    expect(gateway.house.lines.filter((line) => line.includes("cannot connect"))).toHaveLength(1);
    expect(gateway.house.lines.join("\n")).toContain(`cannot connect to 127.0.0.1:${address.port}`);
    cluster.cluster.restartBroker(1);
    expect(await meet(connect(1, "test", gateway))).toHaveLength(1);
    cluster.cluster.killBroker(1);
    const client = connect(1, "test", gateway);
    client.send("Metadata", { topics: null, ...PLAIN });
    expect(await client.wire.closed()).toBe("end");
    expect(gateway.house.lines.filter((line) => line.includes("cannot connect"))).toHaveLength(2);
    cluster[Symbol.dispose]();
  });

  /** A cluster that answers every request with what `answer` makes of it. */
  async function pretend(
    answer: (apiKey: number, version: number, id: number) => Uint8Array,
    test: (client: TestClient, gateway: ListeningGateway) => Promise<void>,
  ) {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, chunk) {
          for (let at = 0; at < chunk.length; at += 4 + chunk.readInt32BE(at)) {
            const { apiKey, apiVersion, correlationId } = readRequestHeader(new Reader(chunk, at + 4));
            socket.write(answer(apiKey, apiVersion, correlationId));
          }
        },
      },
    });
    using gateway = listenGateway({ host: "127.0.0.1", port: server.port });
    try {
      await test(connect(1, "test", gateway), gateway);
    } finally {
      server.stop(true);
    }
  }

  function answerOf(name: ApiName, version: number, id: number, body: any): Uint8Array {
    const api = apiNamed(name);
    const w = new Writer();
    const mark = w.open();
    writeResponseHeader(w, api, version, id);
    api.response.encode(version, w, body);
    w.close(mark);
    return w.toBuffer();
  }

  test("clients are offered what both sides know", async () => {
    const apiKeys = [
      { apiKey: 0, minVersion: 3, maxVersion: 11 },
      { apiKey: 1, minVersion: 4, maxVersion: 99 },
      { apiKey: 3, minVersion: 14, maxVersion: 20 }, // newer than all that we know
      { apiKey: 18, minVersion: 0, maxVersion: 4 },
      { apiKey: 78, minVersion: 1, maxVersion: 1 }, // ShareFetch
    ];
    const cluster = (_key: number, version: number, id: number) =>
      version > 4
        ? answerOf("ApiVersions", 0, id, { errorCode: Errors.UNSUPPORTED_VERSION, apiKeys: apiKeys.slice(3, 4) })
        : answerOf("ApiVersions", version, id, {
            errorCode: 0,
            apiKeys,
            finalizedFeatures: [{ name: "group.version", maxVersionLevel: 1, minVersionLevel: 1 }],
          });
    await pretend(cluster, async (client) => {
      const software = { clientSoftwareName: "a", clientSoftwareVersion: "1" };
      for (const version of [0, 4]) {
        const offered = await client.call("ApiVersions", software, version);
        expect(offered.apiKeys).toEqual([
          { apiKey: 0, minVersion: 3, maxVersion: 11 },
          { apiKey: 1, minVersion: 4, maxVersion: 18 },
          { apiKey: 18, minVersion: 0, maxVersion: 4 },
        ]);
        if (version === 4) expect(offered.finalizedFeatures).toEqual([{ name: "group.version", maxVersionLevel: 1, minVersionLevel: 1 }]);
      }
      // A version that only we know: the cluster's answer is one of version 0, and stays one.
      client.send("ApiVersions", software, 5);
      const refused = await client.answer("ApiVersions", 0);
      expect(refused).toMatchObject({ errorCode: Errors.UNSUPPORTED_VERSION, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] });
    });
  });

  test("an answer to another request ends both, and is reported", async () => {
    await pretend(
      (_key, version, id) => answerOf("Heartbeat", version, id + 1, { errorCode: 0 }),
      async (client, gateway) => {
        client.send("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" });
        expect(await client.wire.closed()).toBe("end");
        expect(gateway.house.lines.at(-1)).toContain("an answer to request 2 where 1 is next");
      },
    );
  });

  test("an answer that cannot be read is reported, and answered with an error", async () => {
    await pretend(
      (_key, version, id) =>
        answerOf("Heartbeat", version, id, { errorCode: 0 })
          .map((byte, i) => (i === 3 ? byte - 1 : byte))
          .subarray(0, -1),
      async (client, gateway) => {
        const { errorCode } = await client.call("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" });
        expect(errorName(errorCode)).toBe("UNKNOWN_SERVER_ERROR");
        expect(gateway.house.lines.at(-1)).toContain("Heartbeat v4 of test: Heartbeat v4 response");
      },
    );
  });
});
