import { describe, expect, test } from "bun:test";
import { MQTT_DEFAULTS } from "../../src/mqtt/broker/options.ts";
import { settled } from "../support/memory.ts";
import { TestBroker } from "./client.ts";

describe("what passes through a PUBLISH", () => {
  const properties = {
    payloadFormatIndicator: true,
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Buffer.from([0, 255]),
    userProperties: [
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
    ] as [string, string][],
  };

  test.each([0, 1, 2] as const)("all of it arrives unchanged in 5.0, and nothing before, in QoS %d", async (qos) => {
    const t = new TestBroker();
    const five = await t.client(5),
      four = await t.client(4);
    await five.subscribe("a", { qos });
    await four.subscribe("a", { qos });
    (await t.client(5)).publish("a", "x", { qos, properties });
    const { properties: arrived } = await five.expect("PUBLISH");
    // The order of properties of different kinds says nothing.
    expect(arrived).toEqual(properties);
    expect(await four.message()).toBe("a x");
  });

  test("a retained message keeps them", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    client.publish("a", "x", { retain: true, properties });
    await client.subscribe("a");
    expect((await client.expect("PUBLISH")).properties).toEqual(properties);
  });

  test("a response topic with wildcards is a protocol error [MQTT-3.3.2-14]", async () => {
    const client = await new TestBroker().client(5);
    client.publish("a", "x", { properties: { responseTopic: "a/#" } });
    await client.closedWith("Protocol Error");
  });

  test("so is a subscription identifier from a client [MQTT-3.3.4-6]", async () => {
    const client = await new TestBroker().client(5);
    client.publish("a", "x", { properties: { subscriptionIdentifier: [1] } });
    await client.closedWith("Protocol Error");
  });
});

describe("topic aliases", () => {
  test("from a client stand for the topic until it gives them to another", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(5);
    await subscriber.subscribe("#");
    const publisher = await t.client(5);
    const alias = (topicAlias: number) => ({ properties: { topicAlias } });
    publisher.publish("long/topic", "1", alias(1)).publish("", "2", alias(1)).publish("other", "3", alias(1)).publish("", "4", alias(1));
    publisher.publish("third", "5", alias(2)).publish("", "6", alias(2)).publish("", "7", alias(1));
    const messages = [];
    for (let i = 0; i < 7; i++) messages.push(await subscriber.message());
    expect(messages).toEqual(["long/topic 1", "long/topic 2", "other 3", "other 4", "third 5", "third 6", "other 7"]);
  });

  test("that stand for nothing are a protocol error, as is an empty topic without one", async () => {
    const t = new TestBroker();
    for (const properties of [{ topicAlias: 1 }, undefined]) {
      const client = await t.client(5);
      client.publish("", "x", { properties });
      await client.closedWith("Protocol Error");
    }
  });

  test("of 0 or above the maximum are invalid [MQTT-3.3.2-8], [MQTT-3.3.2-9]", async () => {
    const t = new TestBroker({ topicAliasMaximum: 3 });
    for (const topicAlias of [0, 4, 65_535]) {
      const client = await t.client(5);
      expect(client.connack!.properties!.topicAliasMaximum).toBe(3);
      client.publish("a", "x", { properties: { topicAlias } });
      await client.closedWith("Topic Alias invalid");
    }
  });

  test("do not outlive the connection", async () => {
    const t = new TestBroker();
    const lasting = { clientId: "c", cleanStart: false, properties: { sessionExpiryInterval: 100 } };
    const first = await t.client(5, lasting);
    first.publish("a", "x", { properties: { topicAlias: 1 } });
    await first.breakOff();
    const second = await t.client(5, lasting);
    second.publish("", "x", { properties: { topicAlias: 1 } });
    await second.closedWith("Protocol Error");
  });

  test("to a client that takes them: the topic comes once", async () => {
    const t = new TestBroker();
    const client = await t.client(5, { properties: { topicAliasMaximum: 2 } });
    await client.subscribe("#", { qos: 1 });
    const publisher = await t.client(4);
    for (const topic of ["a", "b", "c", "a", "b", "c"]) publisher.publish(topic, topic, { qos: topic === "b" ? 1 : 0 });
    const got = [];
    for (let i = 0; i < 6; i++) {
      const { topic, properties, payload } = await client.expect("PUBLISH");
      got.push([topic, properties?.topicAlias, payload.toString()]);
    }
    expect(got).toEqual([
      ["a", 1, "a"],
      ["b", 2, "b"],
      ["c", undefined, "c"],
      ["", 1, "a"],
      ["", 2, "b"],
      ["c", undefined, "c"],
    ]);
  });
});

describe("CONNACK", () => {
  test("names the limits", async () => {
    const t = new TestBroker({ receiveMaximum: 5, maxPacketSize: 1000 });
    const { connack } = await t.client(5);
    expect(connack!.properties).toEqual({ receiveMaximum: 5, maximumPacketSize: 1000, topicAliasMaximum: MQTT_DEFAULTS.topicAliasMaximum });
  });

  test("shortens a long keep alive, and that is the one that counts [MQTT-3.1.2-21]", async () => {
    const t = new TestBroker({ keepAliveSecs: 10 });
    const client = await t.client(5, { keepAlive: 300 });
    expect(client.connack!.properties!.serverKeepAlive).toBe(10);
    const old = await t.client(4, { keepAlive: 300 });
    await t.advance(16);
    await client.closedWith("Keep Alive timeout");
    await old.nothing();
  });
});

describe("maximum packet size", () => {
  test("of the client: what is larger is not sent, and counts as delivered [MQTT-3.1.2-25]", async () => {
    const t = new TestBroker();
    const client = await t.client(5, { properties: { maximumPacketSize: 40 } });
    await client.subscribe("a", { qos: 1 });
    const publisher = await t.client(5);
    for (const qos of [0, 1] as const) {
      publisher.publish("a", Buffer.alloc(100), { qos }).publish("a", "small", { qos });
      expect(await client.message()).toBe("a small");
    }
    await client.nothing();
  });

  test("of the client: an answer that is larger ends the connection [MQTT-3.1.2-24]", async () => {
    const t = new TestBroker();
    const small = t
      .open(5)
      .send({ type: "CONNECT", version: 5, cleanStart: true, keepAlive: 0, clientId: "small", properties: { maximumPacketSize: 10 } });
    await small.closed();
    const client = await t.client(5, { properties: { maximumPacketSize: 30 } });
    const subscriptions = Array.from({ length: 30 }, (_, i) => ({
      filter: `a/${i}`,
      qos: 0 as const,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
    }));
    client.send({ type: "SUBSCRIBE", id: 1, subscriptions });
    await client.closedWith("Packet too large");
  });

  test("of the broker: larger packets end the connection before they have come", async () => {
    const t = new TestBroker({ maxPacketSize: 100 });
    for (const version of [4, 5] as const) {
      const client = await t.client(version);
      client.raw(0x30, 0xff, 0xff, 0x03);
      await client.closedWith("Packet too large");
    }
  });
});

describe("message expiry", () => {
  test("is counted down while a message waits, also for one in flight that is sent again", async () => {
    const t = new TestBroker();
    const lasting = { clientId: "c", cleanStart: false, properties: { sessionExpiryInterval: 1000 } };
    const client = await t.client(5, lasting);
    await client.subscribe("a", { qos: 1 });
    (await t.client(5)).publish("a", "x", { qos: 1, properties: { messageExpiryInterval: 100 } });
    expect((await client.expect("PUBLISH")).properties!.messageExpiryInterval).toBe(100);
    await client.breakOff();
    await t.advance(50);
    const again = await t.client(5, lasting);
    expect((await again.expect("PUBLISH")).properties!.messageExpiryInterval).toBeWithin(49, 51);
  });
});

describe("receive maximum", () => {
  test("of the client bounds what is on the way", async () => {
    const t = new TestBroker();
    const client = await t.client(5, { properties: { receiveMaximum: 2 } });
    await client.subscribe("a", { qos: 2 });
    const publisher = await t.client(5);
    for (let i = 0; i < 5; i++) publisher.publish("a", String(i), { qos: i % 2 === 0 ? 1 : 2 });
    const first = await client.expect("PUBLISH"),
      second = await client.expect("PUBLISH");
    await client.nothing();
    client.send({ type: "PUBACK", id: first.id, code: 0 });
    const third = await client.expect("PUBLISH");
    expect(third.payload.toString()).toBe("2");
    client.send({ type: "PUBREC", id: second.id, code: 0 });
    await client.expect("PUBREL");
    await client.nothing();
    client.send({ type: "PUBCOMP", id: second.id, code: 0 });
    expect((await client.expect("PUBLISH")).payload.toString()).toBe("3");
    await client.nothing();
  });

  test("bounds what is sent again, too", async () => {
    const t = new TestBroker();
    const lasting = (receiveMaximum: number) => ({
      clientId: "c",
      cleanStart: false,
      properties: { sessionExpiryInterval: 100, receiveMaximum },
    });
    const client = await t.client(5, lasting(10));
    await client.subscribe("a", { qos: 1 });
    const publisher = await t.client(5);
    for (let i = 0; i < 5; i++) publisher.publish("a", String(i), { qos: 1 });
    expect((await client.rest()).length).toBe(5);
    await client.breakOff();
    publisher.publish("a", "5", { qos: 1 });
    await settled();
    const again = await t.client(5, lasting(2));
    const got = [];
    for (let i = 0; i < 6; i++) {
      const rest = await again.rest();
      expect(rest.length).toBe(i === 0 ? 2 : i < 5 ? 1 : 0);
      got.push(...rest.flatMap((packet) => (packet.type === "PUBLISH" ? [packet] : [])));
      if (got[i]) again.send({ type: "PUBACK", id: got[i]!.id, code: 0 });
    }
    expect(got.map(({ payload }) => payload.toString())).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(got.map(({ dup }) => dup)).toEqual([true, true, true, true, true, false]);
  });

  test("does not hold back a PUBREL that comes again", async () => {
    const t = new TestBroker();
    const lasting = (receiveMaximum: number) => ({
      clientId: "c",
      cleanStart: false,
      properties: { sessionExpiryInterval: 100, receiveMaximum },
    });
    const client = await t.client(5, lasting(10));
    await client.subscribe("a", { qos: 2 });
    const publisher = await t.client(5);
    publisher.publish("a", "0", { qos: 2 }).publish("a", "1", { qos: 2 });
    const ids = (await client.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.id] : []));
    client.send({ type: "PUBREC", id: ids[1]!, code: 0 });
    await client.expect("PUBREL");
    await client.breakOff();
    const again = await t.client(5, lasting(1));
    expect((await again.rest()).map(({ type }) => type).sort()).toEqual(["PUBLISH", "PUBREL"]);
  });

  test("all packet identifiers in use: what they stand for is sent again, and a new one when one is free", async () => {
    const most = 0xffff;
    const t = new TestBroker({ maxInflight: most });
    const lasting = { clientId: "c", cleanStart: false, properties: { sessionExpiryInterval: 100 } };
    const client = await t.client(5, lasting);
    await client.subscribe("a", { qos: 1 });
    const publisher = await t.client(5);
    for (let i = 0; i <= most; i++) publisher.publish("a", "", { qos: 1, id: 1 });
    const first = (await client.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.id] : []));
    expect([first.length, new Set(first).size]).toEqual([most, most]);
    await client.breakOff();
    const again = await t.client(5, lasting);
    const second = (await again.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.id] : []));
    expect(second).toEqual(first);
    again.send({ type: "PUBACK", id: 77, code: 0 });
    expect((await again.expect("PUBLISH")).id).toBe(77);
  });

  test("of the broker: more ends the connection [MQTT-3.3.4-9]", async () => {
    const t = new TestBroker({ receiveMaximum: 2 });
    const client = await t.client(5);
    for (let i = 0; i < 3; i++) client.publish("a", "x", { qos: 2 });
    await client.expect("PUBREC");
    await client.expect("PUBREC");
    await client.closedWith("Receive Maximum exceeded");
    const old = await t.client(4);
    for (let i = 0; i < 3; i++) old.publish("a", "x", { qos: 2 });
    expect((await old.rest()).length).toBe(3);
  });
});
