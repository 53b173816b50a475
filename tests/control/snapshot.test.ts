/** All brokers' state as bytes, put back into the same and into another havoq, as real clients see it. */
import { describe, expect, test } from "bun:test";
import mqtt from "mqtt";
import { failure, until, World } from "../faults/world.ts";

describe("a snapshot", () => {
  test("kafka: topics with their configuration and records, positions of groups, idempotent producers", async () => {
    await using world = await World.start({ kafka: { brokers: 2, default_replication_factor: 2 } });
    let admin = world.kafka().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "t", numPartitions: 2, configEntries: [{ name: "retention.ms", value: "1000000" }] }] });
    const producer = world.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (const value of ["1", "2", "3"])
      await producer.send({ topic: "t", messages: [{ key: "k", value, partition: 1, headers: { h: "x" } }] });
    await admin.setOffsets({ groupId: "g", topic: "t", partitions: [{ partition: 1, offset: "2" }] });
    const bytes = await world.havoq.control.snapshot();
    await producer.send({ topic: "t", messages: [{ value: "after", partition: 1 }] });
    await admin.createTopics({ topics: [{ topic: "later" }] });
    await admin.deleteTopics({ topics: ["t"] });
    await Promise.all([producer.disconnect(), admin.disconnect()]);
    await world.havoq.control.restore(bytes);
    admin = world.kafka().admin();
    await admin.connect();
    expect(await admin.listTopics()).toEqual(["t"]);
    expect((await admin.fetchTopicOffsets("t")).map(({ offset }) => offset)).toEqual(["0", "3"]);
    expect(await admin.fetchOffsets({ groupId: "g", topics: ["t"] })).toMatchObject([
      {
        partitions: [
          { partition: 0, offset: "-1" },
          { partition: 1, offset: "2" },
        ],
      },
    ]);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: "t", configNames: ["retention.ms"] }],
    });
    expect(resources[0]!.configEntries[0]!.configValue).toBe("1000000");
    const reader = await world.consumer("t", { groupId: "g" });
    expect(await reader.until(1)).toEqual(["3"]);
    // The next in order is taken, at the place where the log ended.
    const again = await world.producer();
    expect((await again.send({ topic: "t", messages: [{ value: "4", partition: 1 }] }))[0]!.baseOffset).toBe("3");
    await admin.disconnect();
  }, 20_000);

  test("mqtt: retained messages, sessions with subscriptions and what waits, was sent and is still to come", async () => {
    await using world = await World.start();
    const publisher = await world.mqtt({ reconnectPeriod: 0 });
    await publisher.publishAsync("r", "retained", { qos: 1, retain: true, properties: { userProperties: { a: "b" } } });
    const options = { clientId: "away", clean: false, reconnectPeriod: 0, properties: { sessionExpiryInterval: 3600 } };
    const away = await world.mqtt({
      ...options,
      will: { topic: "wills", payload: Buffer.from("gone"), qos: 1, retain: false, properties: { willDelayInterval: 600 } },
    });
    await away.subscribeAsync({ "q/#": { qos: 1 }, wills: { qos: 1 } });
    // Sent, and never acknowledged.
    away.handleMessage = () => undefined;
    await publisher.publishAsync("q/1", "1", { qos: 1 });
    await until(() => world.havoq.mqtt!.sessions.get("away")!.unacknowledged === 1);
    away.stream.destroy();
    await until(() => world.havoq.mqtt!.sessions.get("away")!.link === null);
    await publisher.publishAsync("q/2", "2", { qos: 1 });
    await world.havoq.control.advance(60_000);
    const bytes = await world.havoq.control.snapshot();

    await using other = await World.start();
    await other.havoq.control.restore(bytes);
    // A minute before its time, and a little after: what this machine takes is in it too.
    await other.havoq.control.advance(480_000);
    expect(other.havoq.mqtt!.sessions.get("away")!.queued).toBe(1);
    await other.havoq.control.advance(60_000);
    const got: [string, string, boolean][] = [];
    const back = mqtt.connect(`mqtt://127.0.0.1:${other.havoq.addresses().mqtt!.port}`, { protocolVersion: 5, ...options });
    back.on("message", (topic, payload, { dup }) => void got.push([topic, String(payload), dup]));
    expect(await new Promise((done) => back.once("connect", ({ sessionPresent }) => done(sessionPresent)))).toBe(true);
    await until(() => got.length === 3);
    expect(got).toEqual([
      ["q/1", "1", true],
      ["q/2", "2", false],
      ["wills", "gone", false],
    ]);
    const retained = new Promise((done) =>
      back.on("message", (topic, payload, { retain, properties }) => {
        if (topic === "r") done([String(payload), retain, properties!.userProperties!.a]);
      }),
    );
    await back.subscribeAsync("r");
    expect(await retained).toEqual(["retained", true, "b"]);
    await back.endAsync(true);
  }, 20_000);

  test("mqtt: a session ends when it would have ended", async () => {
    await using world = await World.start();
    const away = await world.mqtt({ clientId: "away", clean: false, reconnectPeriod: 0, properties: { sessionExpiryInterval: 3600 } });
    await away.endAsync();
    await world.havoq.control.advance(3_000_000);
    const bytes = await world.havoq.control.snapshot();
    await world.havoq.control.advance(3_000_000);
    expect(world.havoq.mqtt!.sessions.has("away")).toBe(false);
    await world.havoq.control.restore(bytes);
    await world.havoq.control.advance(590_000);
    expect(world.havoq.mqtt!.sessions.has("away")).toBe(true);
    await world.havoq.control.advance(20_000);
    expect(world.havoq.mqtt!.sessions.has("away")).toBe(false);
  }, 20_000);

  test("amqp: exchanges, queues, bindings, messages in their order, time limits; clients are cut", async () => {
    await using world = await World.start();
    const connection = await world.amqp();
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange("e", "headers", { durable: false, arguments: { "alternate-exchange": "amq.fanout" } });
    await channel.assertQueue("q", { durable: false, maxPriority: 5, arguments: { "x-message-ttl": 60_000 } });
    await channel.assertQueue("mine", { exclusive: true });
    await channel.bindQueue("q", "e", "", { "x-match": "any", colour: "red" });
    for (const [value, priority] of [
      ["low", 1],
      ["high", 5],
      ["low 2", 1],
    ] as const)
      channel.publish("e", "", Buffer.from(value), { priority, headers: { colour: "red" } });
    await channel.waitForConfirms();
    expect(((await channel.get("q")) as any).content.toString()).toBe("high");
    await world.havoq.control.advance(20_000);
    const bytes = await world.havoq.control.snapshot();
    const closed = new Promise<void>((done) => connection.once("close", () => done()));
    await world.havoq.control.restore(bytes);
    await closed;
    const after = await (await world.amqp()).createConfirmChannel();
    after.on("error", () => undefined);
    await after.assertQueue("q", { durable: false, maxPriority: 5, arguments: { "x-message-ttl": 60_000 } });
    after.publish("e", "", Buffer.from("new"), { priority: 0, headers: { colour: "red" } });
    await after.waitForConfirms();
    const taken = [await after.get("q"), await after.get("q")].map(
      (message) => message && [message.content.toString(), message.fields.redelivered, message.properties.priority],
    );
    expect(taken).toEqual([
      ["high", true, 5],
      ["low", false, 1],
    ]);
    await world.havoq.control.advance(40_001);
    expect(((await after.get("q")) as any).content.toString()).toBe("new");
    expect((await failure(after.checkQueue("mine"))).code).toBe(404);
  }, 20_000);

  test("bytes that are none change nothing", async () => {
    await using world = await World.start();
    await (await world.producer()).send({ topic: "t", messages: [{ value: "1" }] });
    for (const bytes of [new Uint8Array(0), new Uint8Array([0xc1]), new Uint8Array([0x80]), new TextEncoder().encode("havoq")]) {
      expect((await failure(world.havoq.control.restore(bytes))).message).toContain("no snapshot");
    }
    expect(world.havoq.control.topics().map(({ name }) => name)).toEqual(["t"]);
  });
});
