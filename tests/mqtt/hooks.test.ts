import { describe, expect, test } from "bun:test";
import { close, delay, drop, duplicate, expire, fail, hold, reorder, replace, reply, reroute } from "../../src/hooks/verdicts.ts";
import type { Operation } from "../../src/hooks/plugin.ts";
import { REASONS } from "../../src/mqtt/wire/reasons.ts";
import { settled } from "../support/memory.ts";
import { TestBroker, VERSIONS, type TestClient } from "./client.ts";

async function pair(t: TestBroker, qos: 0 | 1 | 2 = 1, version: 3 | 4 | 5 = 5): Promise<[TestClient, TestClient]> {
  const publisher = await t.client(version),
    subscriber = await t.client(version);
  await subscriber.subscribe("#", { qos });
  return [publisher, subscriber];
}
const payloads = async (client: TestClient): Promise<string[]> =>
  (await client.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.payload.toString()] : []));
const types = async (client: TestClient): Promise<string[]> => (await client.rest()).map(({ type }) => type);

describe("message", () => {
  test("sees what was published", async () => {
    const t = new TestBroker();
    const seen: unknown[] = [];
    t.house.install({
      message: (m) => {
        if (m.protocol !== "mqtt") throw new Error("not MQTT");
        seen.push([m.topic, m.destination, m.key, m.json(), m.qos, m.retain, m.headers, m.properties.contentType, m.connection?.clientId]);
      },
    });
    const [publisher] = await pair(t);
    publisher.publish("a/b", '{"x":1}', {
      qos: 1,
      retain: true,
      properties: {
        contentType: "c",
        userProperties: [
          ["k", "1"],
          ["k", "2"],
          ["l", "3"],
        ],
      },
    });
    await settled();
    expect(seen).toEqual([["a/b", "a/b", null, { x: 1 }, 1, true, { k: ["1", "2"], l: "3" }, "c", "client-1"]]);
  });

  test.each([0, 1, 2] as const)("drop: acknowledged and not stored, in QoS %d", async (qos) => {
    const t = new TestBroker();
    t.house.install({ message: { match: { topic: "lost/#" }, run: () => drop() } });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("lost/1", "x", { qos, retain: true }).publish("kept", "y", { qos });
    expect(await payloads(subscriber)).toEqual(["y"]);
    expect((await types(publisher)).length).toBe(qos === 0 ? 0 : 2);
    expect(t.broker.retained.size).toBe(0);
  });

  test("close: not stored, so a QoS 2 message that is sent again is a new one", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(5);
    await subscriber.subscribe("a", { qos: 2 });
    for (const version of [4, 5] as const) {
      const options = { clientId: `p${version}`, cleanStart: false, properties: version === 5 ? { sessionExpiryInterval: 60 } : undefined };
      const publisher = await t.client(version, options);
      t.house.install({ message: () => close({ reset: true }) });
      publisher.publish("a", "x", { qos: 2, id: 7 });
      expect(await publisher.memory.closed()).toBe("reset");
      t.house.install({});
      const again = await t.client(version, options);
      again.publish("a", "x", { qos: 2, id: 7, dup: true });
      await again.expect("PUBREC");
      expect(await subscriber.message()).toBe("a x");
    }
  });

  test("fail: the reason in the acknowledgement, and in QoS 2 the identifier is free again", async () => {
    const t = new TestBroker();
    t.house.install({ message: () => fail("Quota exceeded") });
    const client = await t.client(5);
    client.publish("a", "x", { qos: 1, id: 1 }).publish("a", "x", { qos: 2, id: 2 }).publish("a", "x", { qos: 2, id: 2 });
    expect(await client.rest()).toEqual([
      { type: "PUBACK", id: 1, code: 0x97 },
      { type: "PUBREC", id: 2, code: 0x97 },
      { type: "PUBREC", id: 2, code: 0x97 },
    ]);
  });

  test("fail: where no acknowledgement can say it, the connection ends", async () => {
    const t = new TestBroker();
    t.house.install({ message: { match: { topic: "a" }, run: () => fail("Not authorized") } });
    for (const version of VERSIONS) {
      const client = await t.client(version);
      client.publish("a", "x", { qos: version === 5 ? 0 : 1 });
      await client.closedWith("Not authorized");
    }
    t.house.install({ message: () => fail("Server busy") }); // a DISCONNECT may say so, a PUBACK may not
    const client = await t.client(5);
    client.publish("a", "x", { qos: 1 });
    await client.closedWith("Server busy");
  });

  test("replace changes what is stored, in all its parts", async () => {
    const t = new TestBroker();
    t.house.install({
      message: () =>
        replace({ payload: "new", topic: "b", qos: 0, retain: true, headers: { k: ["1", "2"] }, properties: { contentType: "d" } }),
    });
    const [publisher, subscriber] = await pair(t, 2);
    publisher.publish("a", "old", { qos: 2, properties: { contentType: "c", responseTopic: "r" } });
    expect(await subscriber.expect("PUBLISH")).toMatchObject({
      topic: "b",
      payload: Buffer.from("new"),
      qos: 0,
      properties: {
        contentType: "d",
        responseTopic: "r",
        userProperties: [
          ["k", "1"],
          ["k", "2"],
        ],
      },
    });
    expect(await types(publisher)).toEqual(["PUBREC"]); // the publisher's own flow goes on in its QoS
    expect(t.broker.retained.topics()).toEqual(["b"]);
  });

  test("replace by something impossible is the plugin's failure; the message goes on as it was", async () => {
    const t = new TestBroker();
    for (const changes of [{ topic: "a/#" }, { qos: 3 }, { partition: 1 }, { properties: { subscriptionIdentifier: "x" } }]) {
      t.house.install({ message: () => replace(changes as object) });
      const [publisher, subscriber] = await pair(t);
      publisher.publish("a", "x");
      expect(await payloads(subscriber)).toEqual(["x"]);
      await publisher.rest();
      for (const client of [publisher, subscriber]) await client.disconnect();
    }
    expect(t.house.lines.filter((line) => line.startsWith("plugin test: message failed")).length).toBe(4);
  });

  test("duplicate stores it several times", async () => {
    const t = new TestBroker();
    t.house.install({ message: () => duplicate(2) });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "x", { qos: 1 });
    expect(await payloads(subscriber)).toEqual(["x", "x", "x"]);
    expect((await publisher.rest()).length).toBe(1);
  });

  test("reroute sends it elsewhere, headers and all, past the hooks", async () => {
    const t = new TestBroker();
    t.house.install({ message: () => reroute({ protocol: "mqtt", topic: "other", qos: 1 }) });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "x", { qos: 1, properties: { userProperties: [["k", "v"]] } });
    expect(await subscriber.expect("PUBLISH")).toMatchObject({ topic: "other", qos: 1, properties: { userProperties: [["k", "v"]] } });
    expect(await types(publisher)).toEqual(["PUBACK"]);
    expect(t.house.published).toEqual([{ protocol: "mqtt", topic: "other", qos: 1, payload: Buffer.from("x"), headers: { k: "v" } }]);
  });

  test("delay keeps the order of one client, and lets others pass", async () => {
    const t = new TestBroker();
    t.house.install({ message: { match: { topic: "slow" }, run: () => delay(1000) } });
    const [publisher, subscriber] = await pair(t);
    const other = await t.client(5);
    publisher.publish("slow", "1").publish("a", "2");
    other.publish("a", "3");
    expect(await payloads(subscriber)).toEqual(["3"]);
    await t.advance(1);
    expect(await payloads(subscriber)).toEqual(["1", "2"]);
  });

  test("a held message is stored although its client has left", async () => {
    const t = new TestBroker();
    t.house.install({ message: { match: { client: "client-1" }, run: () => delay(1000) } });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "x", { qos: 2 });
    await publisher.breakOff();
    await t.advance(1);
    expect(await payloads(subscriber)).toEqual(["x"]);
  });

  test("close cuts the publisher off", async () => {
    const t = new TestBroker();
    t.house.install({ message: { match: { topic: "a" }, run: () => close({ reset: true }) } });
    const client = await t.client(5);
    client.publish("a", "x", { qos: 1 });
    expect(await client.memory.closed()).toBe("reset");
  });

  test("Wills pass it, what plugins publish does not", async () => {
    const t = new TestBroker();
    t.house.install({ message: { match: { topic: "will", client: "client-3" }, run: (m) => replace({ payload: `${m.text()}!` }) } });
    const [, subscriber] = await pair(t);
    await (await t.client(5, { will: { topic: "will", payload: Buffer.from("gone"), qos: 0, retain: false } })).breakOff();
    t.broker.publish({ protocol: "mqtt", topic: "will", payload: { made: true }, headers: { k: 1 } });
    expect(await subscriber.message()).toBe("will gone!");
    expect(await subscriber.expect("PUBLISH")).toMatchObject({
      payload: Buffer.from('{"made":true}'),
      properties: { userProperties: [["k", "1"]] },
    });
  });
});

describe("delivery", () => {
  test("concerns one client", async () => {
    const t = new TestBroker();
    t.house.install({ delivery: { match: { client: "client-2" }, run: (m) => replace({ payload: `for ${m.connection!.clientId}` }) } });
    const [publisher, subscriber] = await pair(t);
    const other = await t.client(4);
    await other.subscribe("#");
    publisher.publish("a", "x");
    expect(await payloads(subscriber)).toEqual(["for client-2"]);
    expect(await payloads(other)).toEqual(["x"]);
  });

  test("concerns a client that comes back through a door that opens slowly", async () => {
    const t = new TestBroker();
    const gate = Promise.withResolvers<void>();
    const session = { clientId: "late", cleanStart: false, username: "ann" };
    const first = await t.client(4, session),
      publisher = await t.client(4);
    await first.subscribe("#");
    t.house.install({
      connect: { match: { user: "bob" }, run: () => hold(gate.promise) },
      delivery: { match: { user: "bob" }, run: () => replace({ payload: "for bob" }) },
    });
    const second = t.open(4);
    second.send({ type: "CONNECT", version: 4, keepAlive: 0, ...session, username: "bob" });
    await settled();
    publisher.publish("a", "x");
    expect(await payloads(first)).toEqual(["x"]);
    gate.resolve();
    await second.expect("CONNACK");
    publisher.publish("a", "x");
    expect(await payloads(second)).toEqual(["for bob"]);
  });

  test.each([0, 1, 2] as const)("drop: lost on the way, and in QoS 1 and 2 sent again after a reconnect; here QoS %d", async (qos) => {
    const t = new TestBroker();
    const lasting = { clientId: "c", cleanStart: false, properties: { sessionExpiryInterval: 100 } };
    const subscriber = await t.client(5, lasting),
      publisher = await t.client(5);
    await subscriber.subscribe("a", { qos });
    t.house.install({ delivery: () => drop() });
    publisher.publish("a", "x", { qos });
    await subscriber.nothing();
    t.house.install({});
    await subscriber.breakOff();
    expect(await payloads(await t.client(5, lasting))).toEqual(qos === 0 ? [] : ["x"]);
  });

  test("duplicate: the same packet again, with DUP above QoS 0", async () => {
    const t = new TestBroker();
    t.house.install({ delivery: () => duplicate(1) });
    for (const qos of [0, 1, 2] as const) {
      const [publisher, subscriber] = await pair(t, qos);
      publisher.publish("a", "x", { qos });
      const [first, second] = (await subscriber.rest()).filter((packet) => packet.type === "PUBLISH");
      expect(second).toEqual({ ...first!, dup: qos > 0 });
      await publisher.rest();
      for (const client of [publisher, subscriber]) await client.disconnect();
    }
  });

  test("replace may change the QoS, either way, with its identifiers", async () => {
    const t = new TestBroker();
    for (const [from, to] of [
      [0, 1],
      [0, 2],
      [1, 0],
      [2, 0],
      [1, 2],
      [2, 1],
    ] as const) {
      t.house.install({ delivery: () => replace({ qos: to }) });
      const [publisher, subscriber] = await pair(t, from);
      publisher.publish("a", "x", { qos: from });
      const { qos, id } = await subscriber.expect("PUBLISH");
      expect([qos, id > 0]).toEqual([to, to > 0]);
      if (to === 1) subscriber.send({ type: "PUBACK", id, code: 0 });
      if (to === 2) {
        subscriber.send({ type: "PUBREC", id, code: 0 });
        await subscriber.expect("PUBREL");
        subscriber.send({ type: "PUBCOMP", id, code: 0 });
      }
      await subscriber.nothing();
      expect(t.broker.queuedBytes).toBe(0);
      await publisher.rest();
      for (const client of [publisher, subscriber]) await client.disconnect();
    }
  });

  test("delay holds back what comes after, acknowledgements included, for this client only", async () => {
    const t = new TestBroker();
    t.house.install({ delivery: { match: { client: "client-2", topic: "slow" }, run: () => delay(1000) } });
    const [publisher, subscriber] = await pair(t);
    const other = await t.client(5);
    await other.subscribe("#");
    publisher.publish("slow", "1", { qos: 1 }).publish("a", "2");
    await settled();
    subscriber.send({ type: "PINGREQ" });
    expect(await subscriber.rest()).toEqual([]);
    expect(await payloads(other)).toEqual(["1", "2"]);
    await t.advance(1);
    expect(await types(subscriber)).toEqual(["PUBLISH", "PUBLISH", "PINGRESP"]);
  });

  test("hold keeps what comes after waiting too; reroute takes one away", async () => {
    const t = new TestBroker();
    let release = (): void => {};
    t.house.install({
      delivery: (m) => {
        if (m.text() === "held") return hold(new Promise<void>((resolve) => (release = resolve)));
        if (m.text() === "away") return reroute({ protocol: "kafka", topic: "k" });
        return undefined;
      },
    });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "away", { qos: 1 }).publish("a", "held", { qos: 1 }).publish("a", "after", { qos: 1 });
    expect(await payloads(subscriber)).toEqual([]);
    release();
    expect(await payloads(subscriber)).toEqual(["held", "after"]);
    expect(t.house.published).toMatchObject([{ protocol: "kafka", topic: "k", payload: Buffer.from("away") }]);
  });

  test("one that lets others pass, and is itself behind one that waits, goes when that has gone", async () => {
    const t = new TestBroker();
    t.house.install({ delivery: (m) => (m.text() === "slow" ? delay(5000) : m.text() === "aside" ? reorder(9, 1000) : undefined) });
    const [publisher, subscriber] = await pair(t);
    for (const text of ["slow", "aside"]) publisher.publish("a", text, { qos: 1 });
    await t.advance(4);
    expect(await payloads(subscriber)).toEqual([]);
    await t.advance(1);
    expect(await payloads(subscriber)).toEqual(["slow", "aside"]);
  });

  test("expire on the way to a client that came back: the others are sent again, each once", async () => {
    const t = new TestBroker();
    const lasting = { clientId: "c", cleanStart: false };
    const subscriber = await t.client(4, lasting),
      publisher = await t.client(4);
    await subscriber.subscribe("a", { qos: 1 });
    for (const text of ["1", "2", "3"]) publisher.publish("a", text, { qos: 1 });
    expect(await payloads(subscriber)).toEqual(["1", "2", "3"]);
    await subscriber.breakOff();
    t.house.install({ delivery: (m) => (m.text() === "2" ? expire() : undefined) });
    expect(await payloads(await t.client(4, lasting))).toEqual(["1", "3"]);
  });

  test("close ends the connection of the receiver; the message waits for its next one", async () => {
    const t = new TestBroker();
    const lasting = { clientId: "c", cleanStart: false };
    const subscriber = await t.client(4, lasting),
      publisher = await t.client(4);
    await subscriber.subscribe("a", { qos: 1 });
    t.house.install({ delivery: () => close() });
    publisher.publish("a", "x", { qos: 1 });
    await subscriber.closed();
    t.house.install({});
    expect(await payloads(await t.client(4, lasting))).toEqual(["x"]);
  });
});

describe("request", () => {
  test("sees a PUBLISH to what is no topic before it ends the connection", async () => {
    const t = new TestBroker();
    t.house.install({ request: { match: { operation: "PUBLISH" }, run: () => replace({ topic: "a" }) } });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a/#", "x");
    expect(await payloads(subscriber)).toEqual(["x"]);
  });

  test("sees packets as objects", async () => {
    const t = new TestBroker();
    const seen: [string, unknown][] = [];
    t.house.install({ request: (op: Operation) => void seen.push([op.operation, op.body]) });
    const client = await t.client(4);
    await client.subscribe("a/#", { qos: 1 });
    client.publish("b", "x").send({ type: "PINGREQ" });
    await client.expect("PINGRESP");
    await client.disconnect();
    expect(seen.map(([name]) => name)).toEqual(["CONNECT", "SUBSCRIBE", "PUBLISH", "PINGREQ", "DISCONNECT"]);
    expect(seen[0]![1]).toMatchObject({ clientId: "client-1", version: 4, cleanStart: true });
    expect(seen[1]![1]).toMatchObject({ subscriptions: [{ filter: "a/#", qos: 1 }] });
  });

  test("drop: neither carried out nor answered", async () => {
    const t = new TestBroker();
    t.house.install({ request: { match: { operation: "SUBSCRIBE" }, run: () => drop() } });
    const client = await t.client(5);
    client.send({
      type: "SUBSCRIBE",
      id: 1,
      subscriptions: [{ filter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    });
    await client.nothing();
    expect(t.broker.subscriptions.size).toBe(0);
  });

  test("fail answers in the packet's own terms", async () => {
    const t = new TestBroker();
    t.house.install({ request: { match: { operation: ["SUBSCRIBE", "UNSUBSCRIBE", "PINGREQ"] }, run: () => fail("Not authorized") } });
    const five = await t.client(5),
      four = await t.client(4);
    expect(await five.subscribe("a")).toEqual([REASONS["Not authorized"]]);
    expect(await four.subscribe("a")).toEqual([0x80]);
    five.send({ type: "UNSUBSCRIBE", id: 7, filters: ["a", "b"] });
    expect((await five.expect("UNSUBACK")).codes).toEqual([0x87, 0x87]);
    five.send({ type: "PINGREQ" });
    await five.closedWith("Not authorized");
    expect(t.broker.subscriptions.size).toBe(0);
  });

  test("reply answers with a body, without carrying it out", async () => {
    const t = new TestBroker();
    t.house.install({
      request: [
        { match: { operation: "SUBSCRIBE" }, run: () => reply({ codes: [2] }) },
        { match: { operation: "PUBLISH" }, run: () => reply({ code: 0x97 }) },
      ],
    });
    const client = await t.client(5);
    expect(await client.subscribe("a")).toEqual([2]);
    client.publish("a", "x", { qos: 1, id: 3 });
    expect(await client.expect("PUBACK")).toEqual({ type: "PUBACK", id: 3, code: 0x97 });
    expect(t.broker.subscriptions.size).toBe(0);
  });

  test("replace changes fields before the packet is handled", async () => {
    const t = new TestBroker();
    t.house.install({
      request: [
        { match: { operation: "CONNECT" }, run: (op: Operation) => replace({ clientId: `x-${op.body.clientId}`, keepAlive: 0 }) },
        { match: { operation: "PUBLISH", topic: "a" }, run: () => replace({ topic: "b", payload: Buffer.from("y") }) },
      ],
    });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "x", { qos: 1 });
    expect(await subscriber.message()).toBe("b y");
    expect([...t.broker.sessions.keys()]).toEqual(["x-client-1", "x-client-2"]);
  });

  test("a CONNECT can be refused, kept waiting and answered falsely", async () => {
    const t = new TestBroker();
    t.house.install({
      request: { match: { operation: "CONNECT" }, run: (op: Operation) => (op.body.clientId === "no" ? fail("Banned") : delay(5000)) },
    });
    for (const [version, code] of [
      [4, 5],
      [5, 0x8a],
    ] as const) {
      const client = t.open(version);
      expect((await client.connect({ clientId: "no" })).code).toBe(code);
      await client.closed();
    }
    const late = t.open(5);
    const connack = late.connect({ clientId: "late" });
    await t.advance(5);
    expect((await connack).code).toBe(0);
  });

  test.each(VERSIONS)("a hook on CONNECT is told who the client is, in version %d", async (version) => {
    for (const match of [{ client: "here" }, { user: "bob" }, { client: "*" }] as const) {
      const t = new TestBroker();
      const streams: string[] = [];
      t.house.install({
        request: {
          match: { operation: "CONNECT", ...match },
          run: (op: Operation) => void streams.push(`${op.connection.clientId} ${op.connection.user} #${op.connection.ordinal}`),
        },
      });
      expect((await t.open(version).connect({ clientId: "here", username: "bob" })).code).toBe(0);
      expect((await t.open(version).connect({ clientId: "there", username: "eve" })).code).toBe(0);
      expect(streams).toEqual("client" in match && match.client === "*" ? ["here bob #1", "there eve #1"] : ["here bob #1"]);
    }
  });

  test("a reply to CONNECT that refuses ends the connection [MQTT-3.2.2-7]", async () => {
    const t = new TestBroker();
    t.house.install({
      request: { match: { operation: "CONNECT" }, run: () => reply({ code: 0x9c, properties: { serverReference: "other" } }) },
    });
    const client = t.open(5);
    const { code, properties } = await client.connect({ clientId: "c" });
    expect([code, properties?.serverReference]).toEqual([0x9c, "other"]);
    await client.closed();
    expect(t.broker.sessions.size).toBe(0);
  });

  test("delay holds this client's packets, and does not make it look silent", async () => {
    const t = new TestBroker();
    t.house.install({ request: { match: { operation: "PUBLISH" }, run: () => delay(100_000) } });
    const client = await t.client(5, { keepAlive: 10 });
    client.publish("a", "x", { qos: 1 }).send({ type: "PINGREQ" });
    await t.advance(60);
    await client.nothing();
    await t.advance(40);
    expect(await types(client)).toEqual(["PUBACK", "PINGRESP"]);
  });
});

describe("response", () => {
  test("drop: stored, and the acknowledgement lost", async () => {
    const t = new TestBroker();
    t.house.install({ response: { match: { operation: ["PUBACK", "PUBREC"] }, run: () => drop() } });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "1", { qos: 1 }).publish("a", "2", { qos: 2, id: 7 }).publish("a", "2", { qos: 2, id: 7, dup: true });
    expect(await payloads(subscriber)).toEqual(["1", "2"]);
    await publisher.nothing();
  });

  test("fail and reply change what is said, after it was done", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    t.house.install({ response: { match: { operation: "SUBACK" }, run: () => fail("Quota exceeded") } });
    expect(await client.subscribe("a")).toEqual([0x97]);
    t.house.install({ response: { match: { operation: "PUBACK" }, run: (op: Operation) => reply({ code: op.body.code + 0x87 }) } });
    client.publish("a", "x", { qos: 1, id: 5 });
    const packets = await client.rest();
    expect(packets.map(({ type }) => type).sort()).toEqual(["PUBACK", "PUBLISH"]);
    expect(packets.find(({ type }) => type === "PUBACK")).toMatchObject({ id: 5, code: 0x87 });
  });

  test("a copy that is sent again and lowered to QoS 0 is not marked as a duplicate", async () => {
    const t = new TestBroker();
    const options = { clientId: "s", cleanStart: false };
    const subscriber = await t.client(4, options);
    await subscriber.subscribe("a", { qos: 1 });
    (await t.client(4)).publish("a", "x", { qos: 1 });
    await subscriber.expect("PUBLISH");
    await subscriber.breakOff();
    t.house.install({ delivery: () => replace({ qos: 0 }) });
    expect(await (await t.client(4, options)).expect("PUBLISH")).toMatchObject({ qos: 0, dup: false });
  });

  test("a QoS 2 message that is kept back until its client has left does not come beside the one it sends again", async () => {
    const t = new TestBroker();
    const subscriber = await t.client(5);
    await subscriber.subscribe("a", { qos: 2 });
    const again = { clientId: "p", cleanStart: false };
    const publisher = await t.client(4, again);
    t.house.install({ request: { match: { operation: "PUBLISH" }, run: () => delay(1000) } });
    publisher.publish("a", "x", { qos: 2, id: 7 });
    await settled();
    await publisher.breakOff();
    t.house.install({});
    const back = await t.client(4, again);
    back.publish("a", "x", { qos: 2, id: 7, dup: true });
    await back.expect("PUBREC");
    back.send({ type: "PUBREL", id: 7, code: 0 });
    await back.expect("PUBCOMP");
    await t.advance(2);
    expect((await subscriber.rest()).map(({ type }) => type)).toEqual(["PUBLISH"]);
  });

  test("a PUBREC that was made to fail frees its packet identifier", async () => {
    const t = new TestBroker();
    const client = await t.client(5);
    const subscriber = await t.client(5);
    await subscriber.subscribe("a");
    t.house.install({ response: { match: { operation: "PUBREC" }, run: () => fail("Quota exceeded") } });
    client.publish("a", "first", { qos: 2, id: 1 });
    expect((await client.expect("PUBREC")).code).toBe(0x97);
    t.house.install({});
    client.publish("a", "second", { qos: 2, id: 1 });
    expect((await client.expect("PUBREC")).code).toBe(0);
    expect(await payloads(subscriber)).toEqual(["first", "second"]);
  });

  test("where the answer has no place for the error the connection ends with it", async () => {
    const t = new TestBroker();
    const old = await t.client(4);
    const client = await t.client(5);
    t.house.install({ response: () => fail("Quota exceeded") });
    old.publish("a", "x", { qos: 1 });
    await old.closed();
    client.send({ type: "PUBREL", id: 1, code: 0 });
    await client.closedWith("Quota exceeded");
  });

  test("close cuts the client off instead", async () => {
    const t = new TestBroker();
    t.house.install({ response: { match: { operation: "PUBACK" }, run: () => close({ reset: true }) } });
    const [publisher, subscriber] = await pair(t);
    publisher.publish("a", "x", { qos: 1 });
    expect(await publisher.memory.closed()).toBe("reset");
    expect(await payloads(subscriber)).toEqual(["x"]);
  });

  test("delay keeps the order of answers and deliveries", async () => {
    const t = new TestBroker();
    t.house.install({ response: { match: { operation: "PUBACK" }, run: () => delay(1000) } });
    const client = await t.client(5);
    await client.subscribe("b");
    client.publish("a", "x", { qos: 1 }).publish("b", "y").send({ type: "PINGREQ" });
    await client.nothing();
    await t.advance(1);
    expect(await types(client)).toEqual(["PUBACK", "PUBLISH", "PINGRESP"]);
  });

  test("a CONNACK can fail although the session stands", async () => {
    const t = new TestBroker();
    t.house.install({ response: { match: { operation: "CONNACK" }, run: () => fail("Server unavailable") } });
    for (const [version, code] of [
      [4, 3],
      [5, 0x88],
    ] as const) {
      const client = t.open(version);
      expect((await client.connect({ clientId: "c" })).code).toBe(code);
      await client.closed();
    }
    await settled();
    expect(t.broker.connected).toBe(0);
  });
});

describe("connect and disconnect", () => {
  test("are told who comes, how, and who goes, why", async () => {
    const t = new TestBroker();
    const seen: unknown[] = [];
    t.house.install({
      connect: (c) => void seen.push(["connect", c.connection.clientId, c.connection.user, c.connection.transport, c.connection.ordinal]),
      disconnect: (d) => void seen.push(["disconnect", d.connection.clientId, d.reason]),
    });
    await (await t.client(5, { clientId: "a", username: "joe" })).disconnect();
    await (await t.client(4, { clientId: "a" })).breakOff();
    const bad = await t.client(4, { clientId: "a" });
    bad.raw(0x36, 0);
    await bad.closed();
    expect(seen).toEqual([
      ["connect", "a", "joe", "memory", 1],
      ["disconnect", "a", "client"],
      ["connect", "a", "", "memory", 2],
      ["disconnect", "a", "error"],
      ["connect", "a", "", "memory", 3],
      ["disconnect", "a", "broker"],
    ]);
  });

  test("refuse, cut, ignore and keep waiting", async () => {
    const t = new TestBroker();
    t.house.install({
      connect: (c) => {
        switch (c.connection.clientId) {
          case "fail":
            return fail("Not authorized");
          case "close":
            return close({ reset: true });
          case "drop":
            return drop();
          default:
            return delay(1000);
        }
      },
    });
    for (const [version, code] of [
      [4, 5],
      [5, 0x87],
    ] as const) {
      const client = t.open(version);
      expect((await client.connect({ clientId: "fail" })).code).toBe(code);
      await client.closed();
    }
    const connect = { type: "CONNECT", version: 4, cleanStart: true, keepAlive: 0 } as const;
    expect(
      await t
        .open(4)
        .send({ ...connect, clientId: "close" })
        .memory.closed(),
    ).toBe("reset");
    const dropped = t.open(4).send({ ...connect, clientId: "drop" }, { type: "PINGREQ" });
    await t.advance(100);
    await dropped.nothing();
    const late = t.open(4);
    const connack = late.connect({ clientId: "late" });
    late.send({ type: "PINGREQ" });
    await t.advance(1);
    expect((await connack).code).toBe(0);
    await late.expect("PINGRESP");
  });
});

test("with hooks that are not concerned, packets go the fast way", async () => {
  const t = new TestBroker();
  let calls = 0;
  t.house.install({
    message: { match: { topic: "other" }, run: () => void calls++ },
    delivery: { match: { client: "other" }, run: () => void calls++ },
  });
  const [publisher, subscriber] = await pair(t);
  for (let i = 0; i < 10; i++) publisher.publish("a", String(i));
  expect((await payloads(subscriber)).length).toBe(10);
  expect(calls).toBe(0);
});

test("verdicts that make no packet are told, and the client gets one all the same", async () => {
  const t = new TestBroker();
  const client = await t.client(5);
  t.house.install({
    request: [
      { match: { operation: "SUBSCRIBE" }, run: () => reply({ codes: "all", nonsense: 1 }) },
      { match: { operation: "UNSUBSCRIBE" }, run: () => replace({ id: "x" }) },
    ],
    message: () => fail("NOT_LEADER" as "Quota exceeded"),
  });
  expect(await client.subscribe("a", { qos: 1 })).toEqual([1]);
  client.send({ type: "UNSUBSCRIBE", id: 2, filters: ["a"] });
  expect((await client.expect("UNSUBACK")).id).toBe(2);
  client.publish("a", "x", { qos: 1 });
  expect((await client.expect("PUBACK")).code).toBe(REASONS["Unspecified error"]);
  expect(t.house.lines.length).toBe(3);
});
