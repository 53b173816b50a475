import { describe, expect, test } from "bun:test";
import { REASONS } from "../../src/mqtt/wire/reasons.ts";
import { settled } from "../support/memory.ts";
import { TestBroker, VERSIONS } from "./client.ts";

describe.each(VERSIONS)("level %d", (version) => {
  test("a new subscription gets the last retained message, flagged, in the lower QoS", async () => {
    const t = new TestBroker();
    const publisher = await t.client(version);
    publisher.publish("r", "old", { retain: true, qos: 1 });
    publisher.publish("r", "new", { retain: true, qos: 1 });
    await publisher.rest();
    const subscriber = await t.client(version);
    await subscriber.subscribe("r", { qos: 0 });
    expect(await subscriber.expect("PUBLISH")).toMatchObject({ topic: "r", payload: Buffer.from("new"), retain: true, qos: 0 });
    await subscriber.subscribe("+", { qos: 2 });
    expect(await subscriber.expect("PUBLISH")).toMatchObject({ topic: "r", retain: true, qos: 1 });
    await subscriber.nothing();
  });

  test("those who are subscribed get it without the flag", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(version);
    await subscriber.subscribe("r");
    (await t.client(version)).publish("r", "x", { retain: true });
    expect((await subscriber.expect("PUBLISH")).retain).toBe(false);
  });

  test("an empty one clears the topic [MQTT-3.3.1-6]", async () => {
    const t = new TestBroker();
    const publisher = await t.client(version);
    publisher.publish("r", "x", { retain: true });
    publisher.publish("r", "", { retain: true });
    await settled();
    expect(t.broker.retained.size).toBe(0);
    expect(t.broker.retained.bytes).toBe(0);
    const subscriber = await t.client(version);
    await subscriber.subscribe("#");
    await subscriber.nothing();
  });

  test("subscribing again brings them again", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    client.publish("r", "x", { retain: true });
    for (let i = 0; i < 2; i++) {
      await client.subscribe("r");
      expect(await client.message()).toBe("r x");
    }
  });
});

test.each([
  [0, true, true],
  [1, true, false],
  [2, false, false],
] as const)("retain handling %d: sent to a new subscription %p, to one that was there %p", async (retainHandling, first, again) => {
  const t = new TestBroker();
  const client = await t.client(5);
  client.publish("r", "x", { retain: true });
  for (const wanted of [first, again]) {
    await client.subscribe("r", { retainHandling });
    expect((await client.rest()).length).toBe(wanted ? 1 : 0);
  }
});

test("retain as published keeps the flag [MQTT-3.3.1-13]", async () => {
  const t = new TestBroker();
  const subscriber = await t.client(5);
  await subscriber.subscribe("r", { retainAsPublished: true });
  (await t.client(4)).publish("r", "x", { retain: true }).publish("r", "y");
  expect((await subscriber.expect("PUBLISH")).retain).toBe(true);
  expect((await subscriber.expect("PUBLISH")).retain).toBe(false);
});

test("a retained message expires, and says how long it has left", async () => {
  const t = new TestBroker();
  const client = await t.client(5);
  client.publish("r", "x", { retain: true, properties: { messageExpiryInterval: 100 } });
  await t.advance(40);
  await client.subscribe("r");
  const { properties } = await client.expect("PUBLISH");
  expect(properties!.messageExpiryInterval).toBeWithin(59, 61);
  await t.advance(61);
  await client.subscribe("r");
  await client.nothing();
  expect(t.broker.retained.size).toBe(0);
});

test("wildcards do not meet topics that begin with $ [MQTT-4.7.2-1]", async () => {
  const t = new TestBroker();
  const client = await t.client(4);
  client.publish("$own/x", "1", { retain: true }).publish("plain/x", "2", { retain: true });
  await client.subscribe("#");
  expect(await client.message()).toBe("plain/x 2");
  await client.subscribe("+/x");
  expect(await client.message()).toBe("plain/x 2");
  await client.subscribe("$own/+");
  expect(await client.message()).toBe("$own/x 1");
  await client.nothing();
});

test("there is room for so many bytes; the rest is refused, what is there stays", async () => {
  const t = new TestBroker({ maxRetainedBytes: 3000 });
  const client = await t.client(5);
  for (let i = 0; i < 3; i++) client.publish(`r/${i}`, Buffer.alloc(1000), { retain: true, qos: 1 });
  const codes = (await client.rest()).map((packet) => "code" in packet && packet.code);
  expect(codes).toEqual([REASONS["No matching subscribers"], REASONS["No matching subscribers"], REASONS["Quota exceeded"]]);
  expect(t.broker.retained.topics()).toEqual(["r/0", "r/1"]);
  client.publish("r/0", Buffer.alloc(900), { retain: true });
  await settled();
  expect(t.broker.retained.bytes).toBeLessThan(3000);
});

test("retained messages can be cleared by filter", async () => {
  const t = new TestBroker();
  const client = await t.client(4);
  for (const topic of ["a/1", "a/2", "b/1"]) client.publish(topic, "x", { retain: true });
  await settled();
  expect(t.broker.clearRetained("a/#")).toBe(2);
  expect(t.broker.retained.topics()).toEqual(["b/1"]);
  expect(t.broker.clearRetained()).toBe(1);
  expect(() => t.broker.clearRetained("a#")).toThrow("no MQTT topic filter");
});
