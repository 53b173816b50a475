import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  close,
  delay,
  drop,
  duplicate,
  fail,
  onRequest,
  onResponse,
  type Plugin,
  reorder,
  replace,
  reply,
  reroute,
} from "../../src/hooks/plugin.ts";
import { Batch } from "../../src/kafka/wire/batch.ts";
import { Errors } from "../../src/kafka/wire/errors.ts";
import { writeBatch } from "../../src/kafka/wire/records.ts";
import { within } from "../../src/kafka/wire/schema.ts";
import { settled } from "../support/memory.ts";
import { batchOf, produceBody, type TestClient, TestCluster, valuesOf } from "./client.ts";

let house: TestCluster;
let client: TestClient;

beforeEach(async () => {
  house = new TestCluster();
  client = house.connect();
  await client.createTopic("t", 2);
  await client.createTopic("u");
});
afterEach(() => house[Symbol.dispose]());

const install = (plugin: Plugin) => house.house.install(plugin);
const stored = async (topic: string, partition = 0) => (await house.connect(1, "reader").fetch(topic, partition, 0)).found;

describe("requests", () => {
  test("a body is typed, read and replaced", async () => {
    const seen: unknown[] = [];
    install({
      request: onRequest({ protocol: "kafka", operation: "CreateTopics" }, (op) => {
        seen.push(op.version, op.body.topics[0]!.name, op.connection.clientId);
        return replace({ topics: op.body.topics.map((topic) => ({ ...topic, numPartitions: 5 })) });
      }),
    });
    await client.createTopic("more", 1);
    expect(seen).toEqual([7, "more", "test"]);
    expect(house.cluster.topics.get("more")!.partitions).toHaveLength(5);
  });

  test("fail answers with the protocol's own error, and nothing is carried out", async () => {
    install({ request: { match: { operation: "Produce", topic: "t" }, run: () => fail("NOT_LEADER_OR_FOLLOWER") } });
    expect((await client.produce("t", 0, ["a"])).error).toBe("NOT_LEADER_OR_FOLLOWER");
    expect((await client.produce("u", 0, ["a"])).error).toBe("NONE");
    install({ request: () => fail("COORDINATOR_LOAD_IN_PROGRESS") });
    for (let version = 0; version <= 6; version++) {
      const found = await client.call("FindCoordinator", { key: "g", coordinatorKeys: ["g"] }, version);
      expect(version < 4 ? found.errorCode : found.coordinators[0]!.errorCode).toBe(Errors.COORDINATOR_LOAD_IN_PROGRESS);
    }
    install({});
    expect(await stored("t")).toEqual([]);
  });

  test("every API can be refused in every version", async () => {
    install({ request: () => fail("BROKER_NOT_AVAILABLE") });
    const { default: apis } = await import("../../src/kafka/broker/apis/index.ts");
    for (const api of apis) {
      if (api.name === "SaslAuthenticate") continue; // the connection ends behind its refusal: see tests/kafka/sasl.test.ts
      for (let version: number = api.first; version <= api.last; version++) {
        const answer = await client.call(api.name, { ...empty(api.request.fields), acks: 1 } as any, version);
        const said = (answer as { errorCode?: number }).errorCode;
        if ("errorCode" in api.response.fields && within(api.response.fields.errorCode.versions, version)) {
          expect(`${api.name} ${said}`).toBe(`${api.name} ${Errors.BROKER_NOT_AVAILABLE}`);
        }
      }
    }
  });

  test("drop is never carried out nor answered, reply is answered without being carried out", async () => {
    install({ request: { match: { operation: "Heartbeat" }, run: () => drop() } });
    client.send("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" });
    await settled();
    expect(client.wire.readNow().length).toBe(0);
    install({ request: { match: { operation: "Heartbeat" }, run: () => reply({ errorCode: 0, throttleTimeMs: 7 }) } });
    expect(await client.call("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" })).toEqual({ errorCode: 0, throttleTimeMs: 7 });
  });

  test("a reply that does not fit is reported, and answered with an error", async () => {
    install({ request: { match: { operation: "Heartbeat" }, run: () => reply({ errorCode: "no" }) } });
    const { errorCode } = await client.call("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" });
    expect(errorCode).toBe(Errors.UNKNOWN_SERVER_ERROR);
    expect(house.house.lines.at(-1)).toContain("Heartbeat v4 response errorCode: a number is wanted, not string");
  });

  test("delay holds back this connection only, in order", async () => {
    install({ request: { match: { operation: "Produce" }, run: () => delay(5_000) } });
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["late"])).bytes), 12);
    client.send("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" });
    await settled();
    expect((await house.connect().call("ApiVersions", { clientSoftwareName: "a", clientSoftwareVersion: "1" })).errorCode).toBe(0);
    expect(client.wire.readNow().length).toBe(0);
    await house.house.clock.advance(5_000);
    expect((await client.answer("Produce", 12)).responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
    expect((await client.answer("Heartbeat")).errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
  });

  test("topics, partitions and groups of a request can be matched, by id too", async () => {
    const seen: string[] = [];
    const note = (what: string) => () => void seen.push(what);
    install({
      request: [
        { match: { topic: "t", partition: 1 }, run: note("t-1") },
        { match: { group: "g*" }, run: note("group") },
      ],
    });
    const id = house.cluster.topics.get("t")!.id;
    const fetch = (partition: number) =>
      client.call("Fetch", {
        maxWaitMs: 0,
        minBytes: 1,
        topics: [{ topic: "", topicId: id, partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 1 }] }],
      });
    await fetch(0);
    await fetch(1);
    await client.produce("t", 1, ["a"]);
    await client.call("OffsetFetch", { groups: [{ groupId: "g1", topics: null }] });
    await client.call("Heartbeat", { groupId: "h", generationId: 1, memberId: "m" });
    expect(seen).toEqual(["t-1", "t-1", "group"]);
  });
});

/** A body of nothing but what an absent field means. */
function empty(fields: Record<string, { absent: unknown }>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.absent]));
}

describe("responses", () => {
  test("drop loses the acknowledgement of what was stored", async () => {
    install({ response: { match: { operation: "Produce" }, run: () => drop() } });
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["stored"])).bytes), 12);
    client.send("Heartbeat", { groupId: "g", generationId: 1, memberId: "m" });
    expect((await client.answer("Heartbeat")).errorCode).toBe(Errors.UNKNOWN_MEMBER_ID);
    expect(valuesOf(await stored("t"))).toEqual(["stored"]);
  });

  test("fail and replace change what the client hears; the request is there to look at", async () => {
    install({
      response: [
        { match: { operation: "Produce", topic: "t" }, run: () => fail("REQUEST_TIMED_OUT") },
        onResponse({ protocol: "kafka", operation: "Heartbeat" }, (op) =>
          replace({ errorCode: Errors.REBALANCE_IN_PROGRESS, throttleTimeMs: op.request.generationId }),
        ),
      ],
    });
    expect((await client.produce("t", 0, ["stored"])).error).toBe("REQUEST_TIMED_OUT");
    expect(valuesOf(await stored("t"))).toEqual(["stored"]);
    expect(await client.call("Heartbeat", { groupId: "g", generationId: 5, memberId: "m" })).toEqual({
      errorCode: Errors.REBALANCE_IN_PROGRESS,
      throttleTimeMs: 5,
    });
  });

  test("close cuts the connection after it was carried out", async () => {
    install({ response: { match: { operation: "Produce" }, run: () => close({ reset: true }) } });
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["stored"])).bytes), 12);
    expect(await client.wire.closed()).toBe("reset");
    expect(valuesOf(await stored("t"))).toEqual(["stored"]);
  });

  test("delay keeps answers in order, and the next request waits", async () => {
    install({ response: { match: { operation: "Produce" }, run: () => delay(1_000) } });
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["a"])).bytes), 12);
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["b"])).bytes), 12);
    await settled();
    expect(valuesOf(await stored("t"))).toEqual(["a"]);
    await house.house.clock.advance(1_000);
    expect((await client.answer("Produce", 12)).responses[0]!.partitionResponses[0]!.baseOffset).toBe(0);
    await house.house.clock.advance(1_000);
    expect((await client.answer("Produce", 12)).responses[0]!.partitionResponses[0]!.baseOffset).toBe(1);
  });
});

describe("messages", () => {
  test("drop leaves a hole in the offsets, and the producer is none the wiser", async () => {
    install({ message: { match: { topic: "t" }, run: (m) => (m.text() === "b" ? drop() : undefined) } });
    expect(await client.produce("t", 0, ["a", "b", "c"])).toMatchObject({ error: "NONE", baseOffset: 0 });
    expect(await client.produce("t", 0, ["b"])).toMatchObject({ error: "NONE", baseOffset: 3 });
    expect(await client.produce("t", 0, ["d"])).toMatchObject({ error: "NONE", baseOffset: 4 });
    expect((await stored("t")).map((r) => [r.offset, r.value!.toString()])).toEqual([
      [0, "a"],
      [2, "c"],
      [4, "d"],
    ]);
    expect(house.cluster.topics.get("t")!.messagesIn).toBe(3);
  });

  test("duplicate, replace, and what is left alone", async () => {
    const times: number[] = [];
    install({
      message: (m) => {
        if (m.protocol !== "kafka") return;
        times.push(m.timestamp);
        if (m.text() === "b") return duplicate(2);
        if (m.text() === "c") return replace({ payload: "C", key: "k", headers: { a: "1", b: null, n: 2 }, timestamp: 77 });
      },
    });
    expect(await client.produce("t", 0, { ...batchOf(["a", "b", "c", "d"]), codec: "gzip" })).toMatchObject({
      error: "NONE",
      baseOffset: 0,
    });
    const found = await stored("t");
    expect(found.map((r) => [r.offset, r.value!.toString()])).toEqual([
      [0, "a"],
      [1, "b"],
      [2, "b"],
      [3, "b"],
      [4, "C"],
      [5, "d"],
    ]);
    expect([found[4]!.key!.toString(), found[4]!.timestamp, found[4]!.headers.map((h) => [h.key, h.value?.toString()])]).toEqual([
      "k",
      77,
      [
        ["a", "1"],
        ["b", undefined],
        ["n", "2"],
      ],
    ]);
    expect(times).toHaveLength(4);
    expect((await house.connect().fetch("t", 0, 0)).batches[0]!.codec).toBe("gzip");
    expect(await client.produce("t", 0, ["e"])).toMatchObject({ baseOffset: 6 });
  });

  test("fail refuses the batch, which may be sent again", async () => {
    install({ message: (_m, at) => (at.ordinal === 1 ? fail("NOT_ENOUGH_REPLICAS", "flaky") : undefined) });
    const send = () => client.produce("t", 0, { ...batchOf(["a", "b"]), producerId: 3, producerEpoch: 0, baseSequence: 0 });
    expect(await send()).toMatchObject({ error: "NOT_ENOUGH_REPLICAS", errorMessage: "flaky", baseOffset: -1 });
    expect(await send()).toMatchObject({ error: "NONE", baseOffset: 0 });
    expect(valuesOf(await stored("t"))).toEqual(["a", "b"]);
  });

  test("what let others pass is refused with its batch, and comes once when that was sent again", async () => {
    install({ message: (_, at) => (at.ordinal === 0 ? reorder(9, 9000) : at.ordinal === 1 ? delay(2000) : undefined) });
    const send = (from: TestClient) => from.produce("t", 0, { ...batchOf(["a", "b"]), producerId: 3, producerEpoch: 0, baseSequence: 0 });
    const first = send(client);
    await settled();
    expect(await send(house.connect())).toMatchObject({ error: "NONE", baseOffset: 0 });
    await house.house.clock.advance(2000);
    expect(await first).toMatchObject({ error: "NONE", baseOffset: 0 });
    await house.house.clock.advance(9000);
    expect(valuesOf(await stored("t"))).toEqual(["a", "b"]);
  });

  test("a batch of which all let others pass is known when it is sent again, and the next one is in order", async () => {
    install({ message: (m) => (m.text() === "c" ? undefined : reorder(9, 1000)) });
    const send = (values: string[], baseSequence: number) =>
      client.produce("t", 0, { ...batchOf(values), producerId: 3, producerEpoch: 0, baseSequence });
    for (const again of [
      ["a", "b"],
      ["a", "b"],
    ])
      expect((await send(again, 0)).error).toBe("NONE");
    expect((await send(["c"], 2)).error).toBe("NONE");
    await house.house.clock.advance(1000);
    expect(valuesOf(await stored("t"))).toEqual(["c", "a", "b"]);
  });

  test("a batch sent again is not hooked again", async () => {
    let calls = 0;
    install({ message: () => void calls++ });
    const send = () => client.produce("t", 0, { ...batchOf(["a", "b"]), producerId: 3, producerEpoch: 0, baseSequence: 0 });
    await send();
    expect(await send()).toMatchObject({ error: "NONE", baseOffset: 0 });
    expect(calls).toBe(2);
  });

  test("reroute goes elsewhere, with key and headers", async () => {
    install({ message: { match: { topic: "t" }, run: () => reroute({ protocol: "kafka", topic: "u" }) } });
    await client.produce("t", 0, {
      records: [{ timestamp: 5, key: Buffer.from("k"), value: Buffer.from("v"), headers: [{ key: "h", value: Buffer.from("x") }] }],
    });
    expect(await stored("t")).toEqual([]);
    const [there] = await stored("u");
    expect([there!.key!.toString(), there!.value!.toString(), there!.headers[0]!.key, there!.headers[0]!.value!.toString()]).toEqual([
      "k",
      "v",
      "h",
      "x",
    ]);
  });

  test("streams are keyed by partition and key", async () => {
    const seen: string[] = [];
    install({ message: (_, at) => void seen.push(`${at.stream} ${at.ordinal}`) });
    for (const key of ["x", "y", "x"]) await client.produce("t", 1, { records: [{ timestamp: 5, key: Buffer.from(key), value: null }] });
    await client.produce("t", 0, ["no key"]);
    expect(seen).toEqual(["kafka:t-1:x 0", "kafka:t-1:y 0", "kafka:t-1:x 1", "kafka:t-0 0"]);
  });

  test("a batch that nobody is interested in is never opened", async () => {
    install({ message: { match: { topic: "u" }, run: () => drop() } });
    const batch = Buffer.from(writeBatch(batchOf(["x"])).bytes);
    batch.fill(0xff, 62); // a record by its length, and no record
    new Batch(batch, 0).seal();
    expect((await client.produce("t", 0, batch)).error).toBe("NONE");
    expect((await client.produce("u", 0, batch)).error).toBe("INVALID_RECORD");
  });

  test("close cuts the producer off before anything is stored", async () => {
    install({ message: () => close() });
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf(["a"])).bytes), 12);
    expect(await client.wire.closed()).toBe("end");
    install({});
    expect(await stored("t")).toEqual([]);
  });
});

describe("deliveries", () => {
  beforeEach(() => client.produce("t", 0, ["a", "b", "c"]));

  test("each consumer has a fate of its own", async () => {
    install({
      delivery: { match: { topic: "t", client: "reader" }, run: (m) => (m.text() === "b" ? drop() : replace({ payload: `${m.text()}!` })) },
    });
    expect((await stored("t")).map((r) => [r.offset, r.value!.toString()])).toEqual([
      [0, "a!"],
      [2, "c!"],
    ]);
    expect(valuesOf((await client.fetch("t", 0, 0)).found)).toEqual(["a", "b", "c"]);
  });

  test("offsets are known, earlier records of the batch are not seen again", async () => {
    const seen: number[] = [];
    install({ delivery: (m) => void (m.protocol === "kafka" && seen.push(m.offset)) });
    await client.fetch("t", 0, 1);
    expect(seen).toEqual([1, 2]);
  });

  test("all dropped: the consumer still gets past them", async () => {
    install({ delivery: () => drop() });
    const { batches, found } = await client.fetch("t", 0, 0);
    expect([found.length, batches.length, batches[0]!.lastOffsetDelta]).toEqual([0, 1, 2]);
  });

  test("delay, reroute, close, and a duplicate that cannot be", async () => {
    install({
      delivery: (m) => (m.text() === "a" ? delay(3_000) : m.text() === "b" ? reroute({ protocol: "kafka", topic: "u" }) : duplicate()),
    });
    const waiting = client.fetch("t", 0, 0);
    await settled();
    await house.house.clock.advance(3_000);
    expect(valuesOf((await waiting).found)).toEqual(["a", "c"]);
    expect(house.house.lines.join("\n")).toContain("a delivery cannot be doubled");
    install({});
    expect(valuesOf(await stored("u"))).toEqual(["b"]);
    install({ delivery: () => close() });
    await expect(client.fetch("t", 0, 0)).rejects.toThrow("the broker closed the connection: end");
  });
});

describe("connections", () => {
  test("connect sees the client id and may refuse, disconnect sees why", async () => {
    const seen: string[] = [];
    install({
      connect: ({ connection }) => {
        seen.push(`connect ${connection.clientId} ${connection.broker} ${connection.ordinal}`);
        return connection.clientId === "bad" ? fail("CLUSTER_AUTHORIZATION_FAILED") : connection.clientId === "mute" ? drop() : undefined;
      },
      disconnect: ({ connection, reason }) => void seen.push(`disconnect ${connection.clientId} ${reason}`),
    });
    const hello = { clientSoftwareName: "a", clientSoftwareVersion: "1" };
    const good = house.connect(1, "good");
    await good.call("ApiVersions", hello);
    const bad = house.connect(1, "bad");
    bad.send("ApiVersions", hello);
    expect(await bad.wire.closed()).toBe("end");
    const mute = house.connect(1, "mute");
    mute.send("ApiVersions", hello);
    good.wire.close();
    await settled();
    expect(mute.wire.readNow().length).toBe(0);
    expect(mute.wire.closedBy).toBe(null);
    expect(seen).toEqual(["connect good 1 1", "connect bad 1 1", "disconnect bad broker", "connect mute 1 1", "disconnect good client"]);
  });
});
