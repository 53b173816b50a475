import { describe, expect, test } from "bun:test";
import { REASONS } from "../../src/mqtt/wire/reasons.ts";
import { TestBroker, VERSIONS } from "./client.ts";

describe.each(VERSIONS)("level %d", (version) => {
  test.each([0, 1, 2] as const)("a message comes in the lower of both QoS, published in %d", async (published) => {
    const t = new TestBroker();
    const publisher = await t.client(version);
    for (const granted of [0, 1, 2] as const) {
      const subscriber = await t.client(version);
      expect(await subscriber.subscribe("a/b", { qos: granted })).toEqual([granted]);
      publisher.publish("a/b", "x", { qos: published });
      const message = await subscriber.expect("PUBLISH");
      expect(message).toMatchObject({ topic: "a/b", qos: Math.min(published, granted), retain: false, dup: false });
      expect(message.payload.toString()).toBe("x");
      expect(message.id > 0).toBe(message.qos > 0);
    }
  });

  test("QoS 1 is acknowledged with PUBACK", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    client.publish("a", "x", { qos: 1, id: 77 });
    const reason = version === 5 ? REASONS["No matching subscribers"] : 0;
    expect(await client.expect("PUBACK")).toEqual({ type: "PUBACK", id: 77, code: reason });
    await client.subscribe("a");
    client.publish("a", "x", { qos: 1, id: 78 });
    const both = await client.rest();
    expect(both.map(({ type }) => type).sort()).toEqual(["PUBACK", "PUBLISH"]);
    expect(both.find(({ type }) => type === "PUBACK")).toEqual({ type: "PUBACK", id: 78, code: 0 });
  });

  test("QoS 2 is stored once, however often it is sent before PUBREL [MQTT-4.3.3-10]", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    const subscriber = await t.client(version);
    await subscriber.subscribe("a", { qos: 0 });
    client.publish("a", "once", { qos: 2, id: 5 });
    expect(await client.expect("PUBREC")).toEqual({ type: "PUBREC", id: 5, code: 0 });
    client.publish("a", "once", { qos: 2, id: 5, dup: true });
    expect(await client.expect("PUBREC")).toEqual({ type: "PUBREC", id: 5, code: 0 });
    client.send({ type: "PUBREL", id: 5, code: 0 });
    expect(await client.expect("PUBCOMP")).toEqual({ type: "PUBCOMP", id: 5, code: 0 });
    client.publish("a", "twice", { qos: 2, id: 5 });
    await client.expect("PUBREC");
    expect((await subscriber.rest()).map((p) => p.type === "PUBLISH" && p.payload.toString())).toEqual(["once", "twice"]);
  });

  test("QoS 2 goes out through PUBREC, PUBREL and PUBCOMP", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(version);
    await subscriber.subscribe("a", { qos: 2 });
    (await t.client(version)).publish("a", "x", { qos: 2 });
    const { id } = await subscriber.expect("PUBLISH");
    subscriber.send({ type: "PUBREC", id, code: 0 });
    expect(await subscriber.expect("PUBREL")).toEqual({ type: "PUBREL", id, code: 0 });
    subscriber.send({ type: "PUBREC", id, code: 0 });
    expect(await subscriber.expect("PUBREL")).toEqual({ type: "PUBREL", id, code: 0 });
    subscriber.send({ type: "PUBCOMP", id, code: 0 });
    await subscriber.nothing();
  });

  test("acknowledgements that nobody waits for do no harm", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    const unknown = version === 5 ? REASONS["Packet Identifier not found"] : 0;
    client.send({ type: "PUBACK", id: 9, code: 0 }, { type: "PUBCOMP", id: 9, code: 0 });
    await client.nothing();
    client.send({ type: "PUBREC", id: 9, code: 0 });
    expect(await client.expect("PUBREL")).toEqual({ type: "PUBREL", id: 9, code: unknown });
    client.send({ type: "PUBREL", id: 9, code: 0 });
    expect(await client.expect("PUBCOMP")).toEqual({ type: "PUBCOMP", id: 9, code: unknown });
  });

  test("an acknowledgement of the other QoS is a protocol error", async () => {
    const t = new TestBroker();
    const publisher = await t.client(version);
    for (const [qos, type] of [
      [1, "PUBREC"],
      [1, "PUBCOMP"],
      [2, "PUBACK"],
    ] as const) {
      const subscriber = await t.client(version);
      await subscriber.subscribe("a", { qos });
      publisher.publish("a", "x", { qos });
      const { id } = await subscriber.expect("PUBLISH");
      subscriber.send({ type, id, code: 0 });
      await subscriber.closedWith("Protocol Error");
    }
  });

  test("PUBCOMP without a PUBREC is a protocol error [MQTT-4.3.3-5]", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(version);
    await subscriber.subscribe("a", { qos: 2 });
    (await t.client(version)).publish("a", "x", { qos: 2 });
    const { id } = await subscriber.expect("PUBLISH");
    subscriber.send({ type: "PUBCOMP", id, code: 0 });
    await subscriber.closedWith("Protocol Error");
  });

  test.each([1, 2] as const)("what is not acknowledged comes again with DUP and its identifier, in QoS %d", async (qos) => {
    const t = new TestBroker();
    const lasting = { clientId: "lasting", cleanStart: false, ...(version === 5 && { properties: { sessionExpiryInterval: 100 } }) };
    const subscriber = await t.client(version, lasting);
    await subscriber.subscribe("a", { qos });
    const publisher = await t.client(version);
    for (const payload of ["1", "2", "3"]) publisher.publish("a", payload, { qos });
    const first = [await subscriber.expect("PUBLISH"), await subscriber.expect("PUBLISH"), await subscriber.expect("PUBLISH")];
    // The second one is done; in QoS 2 the third one has got as far as its PUBREL.
    const [, second, third] = first.map(({ id }) => id) as [number, number, number];
    if (qos === 1) subscriber.send({ type: "PUBACK", id: second, code: 0 });
    else {
      subscriber.send(
        { type: "PUBREC", id: second, code: 0 },
        { type: "PUBCOMP", id: second, code: 0 },
        { type: "PUBREC", id: third, code: 0 },
      );
      await subscriber.expect("PUBREL");
      await subscriber.expect("PUBREL");
    }
    await subscriber.breakOff();
    const again = await t.client(version, lasting);
    const expected = first.filter((_, i) => i !== 1 && !(qos === 2 && i === 2)).map((packet) => ({ ...packet, dup: true }));
    const packets = await again.rest();
    expect(packets.filter((packet) => packet.type === "PUBLISH")).toEqual(expected);
    expect(packets.filter((packet) => packet.type !== "PUBLISH")).toEqual(qos === 2 ? [{ type: "PUBREL", id: third, code: 0 }] : []);
  });

  test("ten thousand messages keep their order", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(version);
    await subscriber.subscribe("n", { qos: 1 });
    const publisher = await t.client(version);
    for (let i = 0; i < 10_000; i++) publisher.publish("n", String(i), { qos: 1, id: (i % 65_535) + 1 });
    for (let i = 0; i < 10_000; i++) {
      const { payload, id } = await subscriber.expect("PUBLISH");
      expect(payload.toString()).toBe(String(i));
      subscriber.send({ type: "PUBACK", id, code: 0 });
    }
    expect(t.broker.queuedBytes).toBeGreaterThanOrEqual(0);
    await subscriber.nothing();
    expect(t.broker.queuedBytes).toBe(0);
  });
});

test("a PUBREC with an error ends a QoS 2 delivery", async () => {
  const t = new TestBroker();
  const subscriber = await t.client(5);
  await subscriber.subscribe("a", { qos: 2 });
  (await t.client(5)).publish("a", "x", { qos: 2 });
  const { id } = await subscriber.expect("PUBLISH");
  subscriber.send({ type: "PUBREC", id, code: REASONS["Quota exceeded"] });
  await subscriber.nothing();
  expect(t.broker.queuedBytes).toBe(0);
});

test("QoS 0 goes to subscribers of all versions in their own form", async () => {
  const t = new TestBroker();
  for (const from of VERSIONS) {
    for (const size of [0, 1, 100, 120, 121, 122, 123, 124, 200, 16_360, 20_000, 70_000]) {
      const publisher = await t.client(from);
      const subscribers = await Promise.all(VERSIONS.map((version) => t.client(version)));
      for (const subscriber of subscribers) await subscriber.subscribe("t");
      publisher.publish("t", Buffer.alloc(size, "x"));
      for (const subscriber of subscribers) expect((await subscriber.expect("PUBLISH")).payload).toEqual(Buffer.alloc(size, "x"));
      for (const client of [publisher, ...subscribers]) await client.disconnect();
    }
  }
});
