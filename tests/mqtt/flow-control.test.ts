import { describe, expect, test } from "bun:test";
import { settled } from "../support/memory.ts";
import { TestBroker, VERSIONS, type TestClient } from "./client.ts";

const MiB = 1024 * 1024;
const payloads = async (client: TestClient): Promise<string[]> =>
  (await client.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.payload.toString("latin1", 0, 8)] : []));
const numbered = (i: number, size: number): Buffer => Buffer.concat([Buffer.from(String(i).padStart(8)), Buffer.alloc(size - 8)]);

describe.each(VERSIONS)("level %d", (version) => {
  test("a reader that is slow loses nothing in QoS 0 below the bound, and what comes last above it", async () => {
    const t = new TestBroker({ maxQueuedBytes: 2 * MiB });
    const slow = await t.client(version);
    await slow.subscribe("t");
    slow.memory.window = 0;
    const fast = await t.client(version);
    await fast.subscribe("t");
    const publisher = await t.client(version);
    let sent = 0;
    const got: string[] = [];
    for (; sent < 80; sent++) {
      publisher.publish("t", numbered(sent, 100_000));
      got.push(...(await payloads(fast)));
    }
    expect(got.length).toBe(sent);
    expect(t.broker.dropped).toBeGreaterThan(0);
    expect(t.broker.backlog).toBeWithin(1.8 * MiB, 2 * MiB + 1);
    slow.memory.window = Infinity;
    slow.memory.connection!.drained();
    const late = await payloads(slow);
    expect(late.length + t.broker.dropped).toBe(sent);
    expect(late).toEqual(got.slice(0, late.length));
    expect(t.broker.backlog).toBe(0);
    publisher.publish("t", numbered(99, 100));
    expect(await payloads(slow)).toEqual([numbered(99, 8).toString()]);
  });

  test("in QoS 1 what a slow reader cannot take waits in its queue", async () => {
    const t = new TestBroker();
    const slow = await t.client(version);
    await slow.subscribe("t", { qos: 1 });
    slow.memory.window = 0;
    const publisher = await t.client(version);
    for (let i = 0; i < 60; i++) publisher.publish("t", numbered(i, 100_000), { qos: 1 });
    await settled();
    const session = [...t.broker.sessions.values()][0]!;
    // A megabyte is on its way, the rest waits.
    expect(session.unacknowledged).toBeWithin(10, 15);
    expect(session.queued).toBe(60 - session.unacknowledged);
    slow.memory.window = Infinity;
    slow.memory.connection!.drained();
    expect(await payloads(slow)).toEqual(Array.from({ length: 60 }, (_, i) => numbered(i, 8).toString()));
    expect(t.broker.dropped).toBe(0);
  });
});

test("all slow readers together have a bound", async () => {
  const t = new TestBroker({ maxQueuedBytes: 2 * MiB, maxTotalQueuedBytes: 3 * MiB });
  const publisher = await t.client(4);
  for (let i = 0; i < 4; i++) {
    const slow = await t.client(4);
    await slow.subscribe("t");
    slow.memory.window = 0;
  }
  for (let i = 0; i < 60; i++) publisher.publish("t", Buffer.alloc(100_000));
  await settled();
  expect(t.broker.backlog).toBeWithin(2.5 * MiB, 3 * MiB);
  // Those who leave make room.
  for (const session of [...t.broker.sessions.values()]) session.link?.disconnect("Administrative action");
  await settled();
  expect(t.broker.backlog).toBe(0);
});

test("messages beyond the window wait until there are acknowledgements", async () => {
  const t = new TestBroker({ maxInflight: 10 });
  const client = await t.client(4);
  await client.subscribe("t", { qos: 1 });
  const publisher = await t.client(4);
  for (let i = 0; i < 25; i++) publisher.publish("t", String(i), { qos: 1 });
  const got: string[] = [];
  for (const expected of [10, 10, 5]) {
    const batch = (await client.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet] : []));
    expect(batch.length).toBe(expected);
    for (const { id, payload } of batch) {
      got.push(payload.toString());
      client.send({ type: "PUBACK", id, code: 0 });
    }
  }
  expect(got).toEqual(Array.from({ length: 25 }, (_, i) => String(i)));
  await client.nothing();
});

test("a new subscription to very many retained messages gets all of them in QoS 1", async () => {
  const t = new TestBroker();
  const publisher = await t.client(4);
  for (let i = 0; i < 5000; i++) publisher.publish(`r/${i}`, "x", { retain: true, qos: 1 });
  await settled();
  const client = await t.client(4);
  await client.subscribe("r/#", { qos: 1 });
  const topics = new Set<string>();
  while (topics.size < 5000) {
    const { topic, id } = await client.expect("PUBLISH");
    topics.add(topic);
    client.send({ type: "PUBACK", id, code: 0 });
  }
  await client.nothing();
});

describe("a publisher that is faster than its readers", () => {
  test("waits for one that reads, and loses nothing", async () => {
    const t = new TestBroker({ maxQueuedBytes: 4 * MiB });
    const reader = await t.client(4);
    await reader.subscribe("t");
    const publisher = await t.client(4);
    const got: string[] = [];
    for (let i = 0; i < 500; i++) {
      publisher.publish("t", numbered(i, 100_000));
      if (i % 100 !== 99) continue;
      reader.memory.window = 0; // ten megabytes come while nothing is read
      await settled();
      expect(t.broker.backlog).toBeWithin(2 * MiB, 2.5 * MiB);
      reader.memory.window = Infinity;
      while (got.length <= i) {
        reader.memory.connection!.drained();
        got.push(...(await payloads(reader)));
      }
    }
    expect(got).toEqual(Array.from({ length: 500 }, (_, i) => numbered(i, 8).toString()));
    expect(t.broker.dropped).toBe(0);
  });

  test("does not wait long for one that is stuck", async () => {
    const t = new TestBroker();
    const stuck = await t.client(4),
      reader = await t.client(4);
    await stuck.subscribe("t");
    await reader.subscribe("t");
    stuck.memory.window = 0;
    const publisher = await t.client(4);
    for (let i = 0; i < 200; i++) publisher.publish("t", numbered(i, 100_000));
    const got = await payloads(reader);
    expect(got.length).toBeLessThan(50);
    await t.advance(0.2);
    publisher.publish("t", numbered(200, 100_000));
    while (got.length <= 200) got.push(await reader.message().then((message) => message.slice(2, 10)));
    expect(got).toEqual(Array.from({ length: 201 }, (_, i) => numbered(i, 8).toString()));
    // It goes away: nobody waits for it.
    stuck.memory.close();
    publisher.publish("t", numbered(201, 100));
    expect((await payloads(reader)).length).toBe(1);
  });

  test("waits for acknowledgements, too", async () => {
    const t = new TestBroker({ maxInflight: 10 });
    const reader = await t.client(4);
    await reader.subscribe("t", { qos: 1 });
    const publisher = await t.client(4);
    for (let i = 0; i < 12_000; i++) publisher.publish("t", String(i), { qos: 1 });
    await settled();
    const session = t.broker.sessions.get("client-1")!;
    expect(session.queued).toBe(10_001);
    for (let i = 0; i < 12_000; i++) {
      const { id, payload } = await reader.expect("PUBLISH");
      expect(payload.toString()).toBe(String(i));
      reader.send({ type: "PUBACK", id, code: 0 });
    }
    await reader.nothing();
  });
});
