import { expect, spyOn, test } from "bun:test";
import { drop, fail, type Plugin } from "../../src/hooks/plugin.ts";
import { writeBatch } from "../../src/kafka/wire/records.ts";
import { Repeat } from "../../src/kafka/broker/repeat.ts";
import { seeded } from "../bytes/seeded.ts";
import { batchOf, produceBody, TestCluster, valuesOf } from "./client.ts";

/** Wants to see every answer to Produce, and leaves it as it is: nothing can be remembered. */
const WATCHER: Plugin = { response: { match: { operation: "Produce" }, run: () => undefined } };

test("whoever sends the same again and again gets the answers that every request would get by itself", async () => {
  using repeated = spyOn(Repeat.prototype, "append");
  using written = spyOn(Repeat.prototype, "write");
  for (let seed = 1; seed <= 12; seed++) {
    const random = seeded(seed);
    using plain = new TestCluster({ brokers: 2 });
    using watched = new TestCluster({ brokers: 2 });
    watched.house.install(WATCHER);
    const both = [plain, watched];
    let clients = both.map((house) => house.connect());
    for (const client of clients) await client.createTopic("t", 2, {}, 2);
    let version = 9,
      partition = 0,
      acks = -1,
      topic = "t",
      sequence = 0;
    for (let step = 0; step < 150; step++) {
      if (random.next(12) === 0) version = 3 + random.next(10);
      if (random.next(12) === 0) partition = [0, 0, 1, 2][random.next(4)]!;
      if (random.next(20) === 0) acks = [-1, 1, 1, 2][random.next(4)]!;
      if (random.next(20) === 0) topic = ["t", "t", "t", "unknown"][random.next(4)]!;
      const event = random.next(40);
      if (event < 3) for (const { cluster } of both) cluster.topics.get("t")!.partitions[0]!.lead(event === 0 ? 2 : 1);
      if (event === 3) {
        for (const client of clients) {
          await client.call("DeleteTopics", { topics: [], topicNames: ["t"], timeoutMs: 1000 }, 5);
          await client.createTopic("t", 2, {}, 2);
        }
      }
      if (event === 4) clients = both.map((house) => house.connect());
      const draft = batchOf(
        Array.from({ length: 1 + random.next(3) }, (_, i) => `${step}-${i}-${"x".repeat([3, 300, 40_000][random.next(3)]!)}`),
      );
      if (random.next(4) === 0)
        Object.assign(draft, {
          producerId: 7,
          producerEpoch: 0,
          baseSequence: random.next(3) === 0 ? sequence : (sequence += draft.records.length),
        });
      const { bytes } = writeBatch(draft);
      if (random.next(10) === 0) bytes[bytes.length - 1]! ^= 1;
      const answers: Buffer[] = [];
      for (const client of clients) {
        client.send("Produce", produceBody(topic, partition, bytes, acks), version);
        answers.push(await client.frame());
      }
      expect(answers[0]!.toString("hex")).toBe(answers[1]!.toString("hex"));
    }
    const stored = await Promise.all(
      both.map(async (house) => {
        const { leader } = house.cluster.topics.get("t")!.partitions[0]!;
        const { found, highWatermark } = await house.connect(leader).fetch("t", 0, 0, { maxBytes: 1e9, partitionMaxBytes: 1e9 });
        return { values: valuesOf(found), highWatermark, metrics: [...house.cluster.metrics.apis.get("Produce")!.errors] };
      }),
    );
    expect(stored[0]).toEqual(stored[1]!);
  }
  expect(repeated.mock.calls.length).toBeGreaterThan(200);
  expect(written.mock.calls.length).toBeGreaterThan(100);
});

test("a log that is stamped or trimmed is told of as it is", async () => {
  using house = new TestCluster();
  const client = house.connect();
  await client.createTopic("t", 1, { "message.timestamp.type": "LogAppendTime", "retention.bytes": "200" });
  for (let i = 0; i < 6; i++) {
    const now = house.house.clock.now();
    const answer = await client.produce("t", 0, [`message ${i}`]);
    expect(answer).toMatchObject({ error: "NONE", baseOffset: i, logStartOffset: house.cluster.topics.get("t")!.partitions[0]!.log.start });
    expect(answer.logAppendTimeMs).toBeGreaterThanOrEqual(now);
  }
});

test("a hook that comes is asked about the next request, and one that goes no more", async () => {
  using house = new TestCluster();
  const client = house.connect();
  await client.createTopic("t");
  const sent = async (value: string) => (await client.produce("t", 0, [value])).error;
  for (const value of ["a", "b", "c"]) expect(await sent(value)).toBe("NONE");
  house.house.install({ request: { match: { topic: "t" }, run: () => fail("NOT_LEADER_OR_FOLLOWER") } });
  expect(await sent("refused")).toBe("NOT_LEADER_OR_FOLLOWER");
  house.house.install({ message: { match: { topic: "t" }, run: () => drop() } });
  for (const value of ["lost", "too"]) expect(await sent(value)).toBe("NONE");
  house.house.install({ response: { match: { topic: "t" }, run: () => fail("REQUEST_TIMED_OUT") } });
  expect(await sent("d")).toBe("REQUEST_TIMED_OUT");
  house.house.install({ request: { match: { topic: "another" }, run: () => fail("NOT_LEADER_OR_FOLLOWER") } });
  for (const value of ["e", "f", "g"]) expect(await sent(value)).toBe("NONE");
  expect(valuesOf((await client.fetch("t", 0, 0)).found)).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
});

test("many requests in one read, small and large, keep their bytes", async () => {
  using house = new TestCluster();
  const client = house.connect();
  await client.createTopic("t", 1, { "max.message.bytes": "2000000" });
  const frames: Buffer[] = [],
    values: string[] = [];
  const send = client.wire.send.bind(client.wire);
  client.wire.send = (bytes) => void frames.push(Buffer.from(bytes));
  for (let i = 0; i < 60; i++) {
    const value = `${i}-`.repeat([1, 200, 10_000, 60_000][i % 4]!);
    values.push(value);
    client.send("Produce", produceBody("t", 0, writeBatch(batchOf([value])).bytes), 9);
  }
  client.wire.send = send;
  const all = Buffer.concat(frames);
  for (let at = 0; at < all.length; at += 200_000) send(all.subarray(at, at + 200_000));
  for (let i = 0; i < 60; i++) expect((await client.answer("Produce", 9)).responses[0]!.partitionResponses[0]!.baseOffset).toBe(i);
  const { found } = await client.fetch("t", 0, 0, { maxBytes: 1e9, partitionMaxBytes: 1e9 });
  expect(valuesOf(found)).toEqual(values);
});
