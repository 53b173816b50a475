import { describe, expect, test } from "bun:test";
import { REASONS } from "../../src/mqtt/wire/reasons.ts";
import { isTopicFilter, isTopicName, parseFilter } from "../../src/mqtt/wire/text.ts";
import { TestBroker, VERSIONS } from "./client.ts";

test.each<[string, boolean]>([
  ["a", true],
  ["a/b", true],
  ["/", true],
  ["a/+/b", true],
  ["+", true],
  ["#", true],
  ["a/#", true],
  ["+/#", true],
  ["/+", true],
  ["a b", true],
  ["", false],
  ["a#", false],
  ["a/#/b", false],
  ["#/a", false],
  ["a+", false],
  ["+a/b", false],
  ["a/b+/c", false],
  ["##", false],
  ["++", false],
  ["a/".repeat(199) + "a", true],
  ["a/".repeat(200) + "a", false],
])("%j is a topic filter: %p", (filter, valid) => {
  expect(isTopicFilter(filter)).toBe(valid);
  expect(isTopicName(filter)).toBe(valid && !/[+#]/.test(filter));
});

test("shared subscriptions are taken apart", () => {
  expect(parseFilter("a/#")).toEqual({ filter: "a/#" });
  expect(parseFilter("$share/g/a/#")).toEqual({ filter: "a/#", group: "g" });
  expect(parseFilter("$share/g//")).toEqual({ filter: "/", group: "g" });
  for (const bad of ["$share", "$share/", "$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/#/a", "$share/g/a#"]) {
    expect(() => parseFilter(bad)).toThrow();
  }
});

describe.each(VERSIONS)("level %d", (version) => {
  test("several in one packet, each with its own answer", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    client.send({
      type: "SUBSCRIBE",
      id: 3,
      subscriptions: [
        { filter: "a/+", qos: 1, ...plain },
        { filter: "b/#", qos: 2, ...plain },
        { filter: "c", qos: 0, ...plain },
      ],
    });
    expect(await client.expect("SUBACK")).toEqual({ type: "SUBACK", id: 3, codes: [1, 2, 0] });
    client.publish("a/x", "1").publish("a/x/y", "no").publish("b", "2").publish("b/x/y", "3").publish("c", "4").publish("c/d", "no");
    expect((await client.rest()).map((p) => p.type === "PUBLISH" && p.payload.toString())).toEqual(["1", "2", "3", "4"]);
  });

  test("overlapping ones bring one copy, in the highest QoS [MQTT-3.3.5-1]", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    await client.subscribe("a/#", { qos: 0 });
    await client.subscribe("a/+", { qos: 1 });
    await client.subscribe("a/b", { qos: 0 });
    (await t.client(version)).publish("a/b", "x", { qos: 2 });
    const packets = await client.rest();
    expect(packets.map((p) => p.type === "PUBLISH" && p.qos)).toEqual([1]);
  });

  test("the same filter again takes the place of the first", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    await client.subscribe("a", { qos: 2 });
    const publisher = await t.client(version);
    publisher.publish("a", "x", { qos: 2 });
    expect((await client.expect("PUBLISH")).qos).toBe(2);
    await client.subscribe("a", { qos: 0 });
    publisher.publish("a", "x", { qos: 2 });
    expect((await client.expect("PUBLISH")).qos).toBe(0);
    expect(t.broker.subscriptions.size).toBe(1);
  });

  test("unsubscribing ends them", async () => {
    const t = new TestBroker();
    const client = await t.client(version);
    await client.subscribe("a");
    await client.subscribe("b");
    client.send({ type: "UNSUBSCRIBE", id: 9, filters: ["a", "nothing"] });
    const codes = version === 5 ? [0, REASONS["No subscription existed"]] : [];
    expect(await client.expect("UNSUBACK")).toEqual({ type: "UNSUBACK", id: 9, codes });
    client.publish("a", "x").publish("b", "y");
    expect(await client.message()).toBe("b y");
    await client.nothing();
  });

  test("what a filter may not be closes the connection", async () => {
    const t = new TestBroker();
    for (const filter of ["", "a#", "#/a", "+a", "$share/g"]) {
      const client = await t.client(version);
      client.send({
        type: "SUBSCRIBE",
        id: 1,
        subscriptions: [{ filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
      });
      await client.closedWith("Malformed Packet");
    }
    expect(t.broker.subscriptions.size).toBe(0);
  });

  test("one session has only so many", async () => {
    const t = new TestBroker({ maxSubscriptions: 2 });
    const client = await t.client(version);
    await client.subscribe("a");
    await client.subscribe("b");
    expect(await client.subscribe("c")).toEqual([version === 5 ? REASONS["Quota exceeded"] : 0x80]);
    expect(await client.subscribe("b")).toEqual([0]);
  });
});

describe("5.0", () => {
  test("No Local keeps a client's own messages away [MQTT-3.8.3-3]", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    await client.subscribe("a", { noLocal: true });
    const other = await t.client(5);
    for (const qos of [0, 1] as const) {
      client.publish("a", "own", { qos });
      other.publish("a", "other", { qos });
    }
    const packets = (await client.rest()).filter((packet) => packet.type === "PUBLISH");
    expect(packets.map((p) => p.payload.toString())).toEqual(["other", "other"]);
  });

  test("No Local of one of two subscriptions leaves the other", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    await client.subscribe("a", { noLocal: true, qos: 1, identifier: 1 });
    await client.subscribe("+", { qos: 0, identifier: 2 });
    client.publish("a", "own", { qos: 1 });
    const [message] = (await client.rest()).filter((packet) => packet.type === "PUBLISH");
    expect(message).toMatchObject({ qos: 0, properties: { subscriptionIdentifier: [2] } });
  });

  test("identifiers of all matching subscriptions come along [MQTT-3.3.4-4]", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    await client.subscribe("a/#", { identifier: 7 });
    await client.subscribe("a/+", { identifier: 300 });
    await client.subscribe("a/b");
    const publisher = await t.client(4);
    publisher.publish("a/b", "x").publish("a/b", "y", { retain: true });
    for (let i = 0; i < 2; i++) {
      const { properties } = await client.expect("PUBLISH");
      expect(properties!.subscriptionIdentifier!.sort()).toEqual([300, 7]);
    }
    await client.subscribe("a/b", { identifier: 9 });
    expect((await client.expect("PUBLISH")).properties).toEqual({ subscriptionIdentifier: [9] });
  });
});

describe("shared subscriptions", () => {
  test("each message goes to one member, in turn, and to those who do not share", async () => {
    const t = new TestBroker();
    const members = [await t.client(5), await t.client(5), await t.client(4)];
    for (const member of members) await member.subscribe("$share/g/a/#", { qos: 1 });
    const alone = await t.client(5);
    await alone.subscribe("a/#");
    const publisher = await t.client(5);
    for (let i = 0; i < 9; i++) publisher.publish("a/x", String(i), { qos: i % 2 === 0 ? 0 : 1 });
    const got: string[][] = [];
    for (const member of members) got.push((await member.rest()).map((p) => (p.type === "PUBLISH" ? p.payload.toString() : "")));
    expect(got.map((list) => list.length)).toEqual([3, 3, 3]);
    expect(got.flat().sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    expect((await alone.rest()).length).toBe(9);
  });

  test("groups have nothing to do with each other", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    await client.subscribe("$share/one/a");
    await client.subscribe("$share/two/a");
    client.publish("a", "x");
    expect((await client.rest()).length).toBe(2);
  });

  test("who is away is passed over, unless nobody is there", async () => {
    const t = new TestBroker();
    const lasting = { clientId: "away", cleanStart: false, properties: { sessionExpiryInterval: 100 } };
    const away = await t.client(5, lasting);
    await away.subscribe("$share/g/a", { qos: 1 });
    await away.breakOff();
    const here = await t.client(5);
    await here.subscribe("$share/g/a", { qos: 1 });
    const publisher = await t.client(5);
    publisher.publish("a", "1", { qos: 1 }).publish("a", "2", { qos: 1 });
    expect([await here.message(), await here.message()]).toEqual(["a 1", "a 2"]);
    await here.disconnect();
    publisher.publish("a", "3", { qos: 1 }).publish("a", "lost", { qos: 0 });
    await publisher.rest();
    const back = await t.client(5, lasting);
    expect(await back.message()).toBe("a 3");
    await back.nothing();
  });

  test("there are no retained messages for them, and No Local is a protocol error", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    client.publish("a", "x", { retain: true });
    await client.subscribe("$share/g/a");
    await client.nothing();
    client.send({
      type: "SUBSCRIBE",
      id: 4,
      subscriptions: [{ filter: "$share/g/a", qos: 0, noLocal: true, retainAsPublished: false, retainHandling: 0 }],
    });
    await client.closedWith("Protocol Error");
  });

  test("unsubscribing and leaving take members out", async () => {
    const t = new TestBroker();
    const [one, two] = [await t.client(5), await t.client(5)];
    await one.subscribe("$share/g/a");
    await two.subscribe("$share/g/a");
    one.send({ type: "UNSUBSCRIBE", id: 5, filters: ["$share/g/a"] });
    await one.expect("UNSUBACK");
    one.publish("a", "x");
    expect(await two.message()).toBe("a x");
    await two.disconnect();
    expect(t.broker.subscriptions.size).toBe(0);
    one.publish("a", "y");
    await one.nothing();
  });
});
