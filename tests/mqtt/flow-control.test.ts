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
