import { describe, expect, test } from "bun:test";
import type { Connect, Version } from "../../src/mqtt/wire/packets.ts";
import { settled } from "../support/memory.ts";
import { TestBroker, VERSIONS } from "./client.ts";

const lasting = (version: Version, seconds = 0xffff_ffff): Partial<Connect> => ({
  clientId: "lasting",
  cleanStart: false,
  ...(version === 5 && { properties: { sessionExpiryInterval: seconds } }),
});

describe.each(VERSIONS)("level %d", (version) => {
  test("keeps subscriptions and queues QoS 1 and 2 for who is away, in order", async () => {
    const t = new TestBroker();
    const client = await t.client(version, lasting(version));
    expect(client.connack!.sessionPresent).toBe(false);
    await client.subscribe("a/#", { qos: 2 });
    await client.disconnect();
    const publisher = await t.client(version);
    publisher
      .publish("a/1", "x", { qos: 1 })
      .publish("a/2", "y", { qos: 2 })
      .publish("a/0", "lost", { qos: 0 })
      .publish("a/3", "z", { qos: 1 });
    await settled();
    await t.advance(1e7);
    const again = await t.client(version, lasting(version));
    expect(again.connack!.sessionPresent).toBe(version > 3); // 3.1 has no such flag
    expect([await again.message(), await again.message(), await again.message()]).toEqual(["a/1 x", "a/2 y", "a/3 z"]);
    await again.nothing();
  });

  test("a clean start forgets all of it [MQTT-3.1.2-4]", async () => {
    const t = new TestBroker();
    const client = await t.client(version, lasting(version));
    await client.subscribe("a", { qos: 1 });
    await client.disconnect();
    (await t.client(version)).publish("a", "x", { qos: 1 });
    await settled();
    expect(t.broker.queuedBytes).toBeGreaterThan(0);
    const fresh = await t.client(version, { ...lasting(version), cleanStart: true });
    expect(fresh.connack!.sessionPresent).toBe(false);
    await fresh.nothing();
    expect(t.broker.queuedBytes).toBe(0);
    expect(t.broker.subscriptions.size).toBe(0);
  });

  test("a session that is not to last ends with its connection", async () => {
    const t = new TestBroker();
    const client = await t.client(version, { clientId: "short" });
    await client.subscribe("a", { qos: 1 });
    await client.disconnect();
    expect(t.broker.sessions.size).toBe(0);
    expect(t.broker.subscriptions.size).toBe(0);
    const again = await t.client(version, { clientId: "short", cleanStart: false });
    expect(again.connack!.sessionPresent).toBe(false);
  });

  test("the connection that came last has the session [MQTT-3.1.4-3]", async () => {
    const t = new TestBroker();
    const first = await t.client(version, lasting(version));
    await first.subscribe("a", { qos: 1 });
    const second = await t.client(version, lasting(version));
    await first.closedWith("Session taken over");
    (await t.client(version)).publish("a", "x", { qos: 1 });
    expect(await second.message()).toBe("a x");
    expect(t.broker.connected).toBe(2);
  });

  test("a queue has its bounds, and drops what comes last", async () => {
    const t = new TestBroker({ maxQueuedMessages: 3 });
    const client = await t.client(version, lasting(version));
    await client.subscribe("a", { qos: 1 });
    await client.disconnect();
    const publisher = await t.client(version);
    for (let i = 0; i < 5; i++) publisher.publish("a", String(i), { qos: 1 });
    await settled();
    expect(t.broker.dropped).toBe(2);
    const again = await t.client(version, lasting(version));
    expect((await again.rest()).map((p) => p.type === "PUBLISH" && p.payload.toString())).toEqual(["0", "1", "2"]);
  });
});

test("queues are bounded in bytes, each and all together", async () => {
  const t = new TestBroker({ maxQueuedBytes: 5000, maxTotalQueuedBytes: 8000 });
  for (const clientId of ["a", "b"]) {
    const client = await t.client(4, { clientId, cleanStart: false });
    await client.subscribe("t", { qos: 1 });
    await client.disconnect();
  }
  const publisher = await t.client(4);
  for (let i = 0; i < 100; i++) publisher.publish("t", Buffer.alloc(1000), { qos: 1 });
  await settled();
  expect(t.broker.queuedBytes).toBeWithin(5000, 8000);
  expect(t.broker.dropped).toBeGreaterThan(190);
});

test("there are only so many sessions", async () => {
  const t = new TestBroker({ maxSessions: 2 });
  await t.client(5);
  await t.client(5);
  const third = t.open(5);
  expect((await third.connect({ clientId: "third" })).code).toBe(0x97);
  await third.closed();
  const old = t.open(4);
  expect((await old.connect({ clientId: "third" })).code).toBe(3);
  await old.closed();
});

test("a session expires after the time that the client asked for", async () => {
  const t = new TestBroker();
  const client = await t.client(5, lasting(5, 60));
  await client.subscribe("a", { qos: 1 });
  await client.breakOff();
  await t.advance(59);
  expect(t.broker.sessions.size).toBe(1);
  await t.advance(1);
  expect(t.broker.sessions.size).toBe(0);
  expect(t.broker.subscriptions.size).toBe(0);
});

test("coming back stops the expiry; DISCONNECT may set another one", async () => {
  const t = new TestBroker();
  await (await t.client(5, lasting(5, 60))).breakOff();
  await t.advance(50);
  const again = await t.client(5, lasting(5, 60));
  expect(again.connack!.sessionPresent).toBe(true);
  await t.advance(50);
  await again.disconnect(0, { sessionExpiryInterval: 5 });
  await t.advance(6);
  expect(t.broker.sessions.size).toBe(0);
});

test("DISCONNECT may not make a session last that was to end with the connection", async () => {
  const t = new TestBroker();
  const client = await t.client(5);
  client.send({ type: "DISCONNECT", code: 0, properties: { sessionExpiryInterval: 5 } });
  await client.closedWith("Protocol Error");
});

test("a message that expired while its receiver was away is not delivered, another says what is left", async () => {
  const t = new TestBroker();
  const client = await t.client(5, lasting(5));
  await client.subscribe("a", { qos: 1 });
  await client.disconnect();
  const publisher = await t.client(5);
  publisher.publish("a", "soon", { qos: 1, properties: { messageExpiryInterval: 10 } });
  publisher.publish("a", "late", { qos: 1, properties: { messageExpiryInterval: 100 } });
  await settled();
  await t.advance(30);
  const again = await t.client(5, lasting(5));
  const message = await again.expect("PUBLISH");
  expect(message.payload.toString()).toBe("late");
  expect(message.properties!.messageExpiryInterval).toBeWithin(69, 71);
  await again.nothing();
});

test("a session goes on in another version", async () => {
  const t = new TestBroker();
  const old = await t.client(4, lasting(4));
  await old.subscribe("a", { qos: 1 });
  (await t.client(5)).publish("a", "x", { qos: 1, properties: { contentType: "c" } });
  const { id } = await old.expect("PUBLISH");
  const next = await t.client(5, lasting(5));
  expect(next.connack!.sessionPresent).toBe(true);
  expect(await next.expect("PUBLISH")).toMatchObject({ id, dup: true, properties: { contentType: "c" } });
});

test("the control surface ends a session, connection included", async () => {
  const t = new TestBroker();
  const client = await t.client(5, lasting(5));
  await client.subscribe("a", { qos: 1 });
  expect(t.broker.expireSession("lasting")).toBe(true);
  await client.closedWith("Administrative action");
  expect(t.broker.sessions.size).toBe(0);
  expect(t.broker.expireSession("lasting")).toBe(false);
});

test("when the broker goes down, 5.0 is told, and no Wills are published", async () => {
  const t = new TestBroker();
  const will = { topic: "will", payload: Buffer.from("gone"), qos: 0, retain: true } as const;
  const clients = [await t.client(4, { will }), await t.client(5, { will })];
  clients.push(t.open(4));
  for (const connection of t.house.net.connections()) connection.shutDown();
  for (const client of clients.slice(0, 2)) await client.closedWith("Server shutting down");
  await clients[2]!.closed();
  expect(t.broker.retained.size).toBe(0);
});

describe("client ids", () => {
  test("3.1 wants one", async () => {
    const t = new TestBroker();
    const client = t.open(3).raw(0x10, 14, 0, 6, "MQIsdp", 3, 2, 0, 0, 0, 0);
    expect((await client.expect("CONNACK")).code).toBe(2);
    await client.closed();
  });
  test("3.1.1 wants one for a session that lasts [MQTT-3.1.3-8]", async () => {
    const t = new TestBroker();
    const client = t.open(4).raw(0x10, 12, 0, 4, "MQTT", 4, 0, 0, 0, 0, 0);
    expect((await client.expect("CONNACK")).code).toBe(2);
    await client.closed();
    expect((await t.open(4).connect({ clientId: "" })).code).toBe(0);
  });
  test("5.0 is told which one it got, the same for the same seed", async () => {
    const ids = [];
    for (let i = 0; i < 2; i++) {
      const t = new TestBroker();
      const { properties } = await t.open(5).connect({ clientId: "" });
      ids.push(properties!.assignedClientIdentifier);
      expect([...t.broker.sessions.keys()]).toEqual([properties!.assignedClientIdentifier!]);
    }
    expect(ids[0]).toBe(ids[1]!);
  });
});
