/** Faults that take brokers away: broker-kill, broker-pause, broker-restart, crash. */
import { describe, expect, test } from "bun:test";
import { failure, until, World } from "./world.ts";

const offsets = (world: World, topic: string) => world.havoq.control.topics().find(({ name }) => name === topic)!.partitions[0]!;

describe("broker-kill", () => {
  test("kafka: the connection is reset, the port refuses, a replica takes over; later it is back", async () => {
    await using world = await World.start({ kafka: { default_replication_factor: 2 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const { leader } = offsets(world, "t");
    const rule = world.rule({ fault: { "broker-kill": { broker: leader } }, for: "60s" });
    await world.fired(rule);
    const port = Number(world.bootstrap[leader - 1]!.split(":")[1]);
    expect((await failure(Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }))).code).toBe("ECONNREFUSED");
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
    expect(offsets(world, "t").leader).not.toBe(leader);
    await world.havoq.clock.advance(60_000);
    expect(world.havoq.control.brokers().every(({ up }) => up)).toBe(true);
    expect(await (await world.consumer("t", { groupId: "g" })).until(2)).toEqual(["1", "2"]);
  }, 20_000);

  test("mqtt: lasting sessions keep their subscriptions and messages, the others are gone, no Will is published", async () => {
    await using world = await World.start();
    const lasting = await world.mqtt({ clientId: "lasting", clean: false, properties: { sessionExpiryInterval: 3600 } });
    const fleeting = await world.mqtt({ clientId: "fleeting", will: { topic: "t", payload: Buffer.from("will"), qos: 1, retain: false } });
    const got: string[] = [];
    const sessions: boolean[] = [];
    lasting.on("message", (_topic, payload) => void got.push(String(payload)));
    for (const client of [lasting, fleeting]) await client.subscribeAsync("t", { qos: 1 });
    const back = Promise.all(
      [lasting, fleeting].map(
        (client) => new Promise<void>((done) => client.once("connect", ({ sessionPresent }) => (sessions.push(sessionPresent), done()))),
      ),
    );
    const closed = new Promise<void>((done) => lasting.once("close", () => done()));
    const rule = world.rule({ fault: { "broker-kill": { broker: "mqtt" } } });
    await closed;
    expect(world.havoq.mqtt!.sessions.has("fleeting")).toBe(false);
    world.havoq.control.publish({ protocol: "mqtt", topic: "t", qos: 1, payload: "while it was away" });
    rule.remove();
    await back;
    expect(sessions.sort()).toEqual([false, true]);
    await until(() => got.length > 0);
    expect(got).toEqual(["while it was away"]);
  }, 20_000);

  test("amqp: durable queues stay with their persistent messages, which come as redelivered, as from a RabbitMQ that was killed", async () => {
    await using world = await World.start();
    const connection = await world.amqp();
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange("passing", "direct", { durable: false });
    await channel.assertExchange("lasting", "direct", { durable: true });
    await channel.assertQueue("durable", { durable: true });
    await channel.assertQueue("transient", { durable: false });
    await channel.bindQueue("durable", "lasting", "k");
    for (const [value, persistent] of [
      ["held", true],
      ["kept", true],
      ["lost", false],
    ] as const)
      channel.publish("lasting", "k", Buffer.from(value), { persistent });
    await channel.waitForConfirms();
    expect(((await channel.get("durable")) as any).content.toString()).toBe("held");
    const closed = new Promise<void>((done) => connection.once("close", () => done()));
    const rule = world.rule({ match: { protocol: "amqp" }, fault: "broker-kill" });
    await closed;
    expect((await failure(world.amqp())).code).toBe("ECONNREFUSED");
    rule.remove();
    await until(() => world.havoq.control.brokers().every(({ up }) => up));
    const after = await (await world.amqp()).createChannel();
    after.on("error", () => undefined);
    expect((await after.checkQueue("durable")).messageCount).toBe(2);
    await after.checkExchange("lasting");
    const first = (await after.get("durable")) as any,
      second = (await after.get("durable")) as any;
    expect([first.content.toString(), first.fields.redelivered, second.content.toString(), second.fields.redelivered]).toEqual([
      "held",
      true,
      "kept",
      true,
    ]);
    after.publish("lasting", "k", Buffer.from("bound still"));
    await until(async () => (await after.checkQueue("durable")).messageCount === 1);
    expect((await failure(after.checkQueue("transient"))).code).toBe(404);
  }, 20_000);
});

describe("broker-pause", () => {
  test("kafka: no answer, nothing closed, and it goes on where it was", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const rule = world.rule({ fault: { "broker-pause": { broker: 1 } } });
    await world.fired(rule);
    const sent = producer.send({ topic: "t", messages: [{ value: "2" }] });
    expect(await Promise.race([sent.then(() => "answered"), Bun.sleep(50).then(() => "silent")])).toBe("silent");
    rule.remove();
    await sent;
    expect(world.havoq.net.counts.kafka.active).toBeGreaterThan(0);
  }, 20_000);

  test("kafka: the others lead in its place after nine seconds", async () => {
    await using world = await World.start({ kafka: { default_replication_factor: 3 } });
    await (await world.producer()).send({ topic: "t", messages: [{ value: "1" }] });
    const { leader } = offsets(world, "t");
    await world.fired(world.rule({ fault: { "broker-pause": { broker: leader } } }));
    await world.havoq.clock.advance(4_000);
    expect(offsets(world, "t").leader).toBe(leader);
    await world.havoq.clock.advance(5_000);
    expect(offsets(world, "t").leader).not.toBe(leader);
    const others = world.bootstrap.filter((_, i) => i + 1 !== leader);
    expect((await world.admin(others).metadata({ topics: ["t"] })).brokers.size).toBe(2);
  }, 20_000);

  test("mqtt and amqp: open and silent, for those who come too", async () => {
    await using world = await World.start();
    const client = await world.mqtt();
    const channel = await (await world.amqp()).createChannel();
    const rule = world.rule({ match: { protocol: ["mqtt", "amqp"] }, fault: "broker-pause" });
    await world.fired(rule);
    const answers = [client.publishAsync("t", "x", { qos: 1 }), channel.assertQueue("q"), world.mqtt(), world.amqp()].map((one) =>
      one.then(() => "answered"),
    );
    expect(await Promise.all(answers.map((one) => Promise.race([one, Bun.sleep(50).then(() => "silent")])))).toEqual([
      "silent",
      "silent",
      "silent",
      "silent",
    ]);
    rule.remove();
    expect(await Promise.all(answers)).toEqual(["answered", "answered", "answered", "answered"]);
  }, 20_000);
});

describe("broker-restart", () => {
  test("all three, one after the other: clients come back by themselves", async () => {
    await using world = await World.start({ kafka: { brokers: 2, default_replication_factor: 2 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const client = await world.mqtt();
    let connects = 0;
    client.on("connect", () => void connects++);
    const connection = await world.amqp();
    const closed = new Promise<void>((done) => connection.once("close", () => done()));
    world.rule({ fault: { "broker-restart": { broker: "all", rolling: true, down: "100ms", pause: "50ms" } } });
    await closed;
    await until(() => connects > 0 && world.havoq.control.brokers().every(({ up }) => up));
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
    await (await world.amqp()).createChannel();
    expect(offsets(world, "t").end).toBe(2);
  }, 20_000);

  test("the broker has to be named", async () => {
    await using world = await World.start();
    expect(() => world.rule({ fault: "broker-restart" })).toThrow("which broker");
    expect(() => world.rule({ fault: { "broker-restart": { broker: "mqt" } } })).toThrow();
  });
});

describe("crash", () => {
  test("kafka: what had been acknowledged is gone from the tail, its offsets are given out again", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const producer = await world.producer();
    for (const value of ["1", "2", "3", "4"]) await producer.send({ topic: "t", messages: [{ value }] });
    const rule = world.rule({ fault: { crash: { broker: 1, records: 2, down: "20ms" } } });
    await world.fired(rule);
    const [stored] = await producer.send({ topic: "t", messages: [{ value: "5" }] });
    expect(stored!.baseOffset).toBe("2");
    expect(await (await world.consumer("t", { groupId: "g" })).until(3)).toEqual(["1", "2", "5"]);
  }, 20_000);

  test("kafka: what is replicated is not lost, unless the election is unclean", async () => {
    await using world = await World.start({ kafka: { default_replication_factor: 2 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    expect(world.havoq.control.crashBroker(offsets(world, "t").leader, { ms: 60_000 })).toBe(0);
    expect(offsets(world, "t").end).toBe(1);
    for (const { broker, up } of world.havoq.control.brokers()) if (!up) world.havoq.control.restartBroker(broker);
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
    expect(world.havoq.control.crashBroker(offsets(world, "t").leader, { records: 1, unclean: true })).toBe(1);
    await producer.send({ topic: "t", messages: [{ value: "3" }] });
    expect(await (await world.consumer("t", { groupId: "g" })).until(2)).toEqual(["1", "3"]);
  }, 20_000);

  test("kafka: a reader beyond the end begins anew", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const producer = await world.producer();
    const reader = await world.consumer("t", { groupId: "g" });
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
    await reader.until(2);
    await world.fired(world.rule({ fault: { crash: { broker: 1, records: 1, down: "20ms" } } }));
    await until(() =>
      producer.send({ topic: "t", messages: [{ value: "3" }] }).then(
        () => true,
        () => false,
      ),
    );
    await until(() => reader.values.includes("3"));
    expect(offsets(world, "t").end).toBe(2);
  }, 20_000);

  test("mqtt: what a lasting session and the retained messages got last is lost, earlier things are not", async () => {
    await using world = await World.start();
    const away = await world.mqtt({ clientId: "away", clean: false, reconnectPeriod: 0, properties: { sessionExpiryInterval: 3600 } });
    await away.subscribeAsync("t", { qos: 1 });
    await away.endAsync();
    const publisher = await world.mqtt();
    await publisher.publishAsync("t", "early", { qos: 1, retain: true });
    await world.havoq.clock.advance(10_000);
    await publisher.publishAsync("t", "late", { qos: 1 });
    await publisher.publishAsync("other", "late", { qos: 1, retain: true });
    await world.fired(world.rule({ match: { protocol: "mqtt" }, fault: { crash: { last: "5s", down: "20ms" } } }));
    await until(() => world.havoq.control.brokers().every(({ up }) => up));
    const got: string[] = [];
    const back = await world.mqtt({ clientId: "newcomer" });
    back.on("message", (topic, payload, { retain }) => void got.push(`${topic} ${payload} ${retain}`));
    await back.subscribeAsync("#", { qos: 1 });
    await until(() => got.length > 0);
    expect(got).toEqual(["t early true"]);
    expect(world.havoq.mqtt!.sessions.get("away")!.queued).toBe(1);
  }, 20_000);

  test("amqp: transient messages and queues are gone; it has no tail to lose", async () => {
    await using world = await World.start();
    const channel = await (await world.amqp()).createConfirmChannel();
    await channel.assertQueue("q", { durable: true });
    channel.sendToQueue("q", Buffer.from("kept"), { persistent: true });
    channel.sendToQueue("q", Buffer.from("lost"), { persistent: false });
    await channel.waitForConfirms();
    expect(() => world.rule({ fault: { crash: { broker: "amqp", last: "1s" } } })).toThrow("persistent");
    await world.fired(world.rule({ fault: { crash: { broker: "amqp", down: "20ms" } } }));
    await until(() => world.havoq.control.brokers().every(({ up }) => up));
    expect((await (await (await world.amqp()).createChannel()).checkQueue("q")).messageCount).toBe(1);
  }, 20_000);
});
