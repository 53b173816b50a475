import { describe, expect, test } from "bun:test";
import { until, World } from "./world.ts";

describe("storm", () => {
  test("of connections: all clients of all protocols are cut at once, as often as said", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const client = await world.mqtt();
    let connects = 0;
    client.on("connect", () => void connects++);
    const connection = await world.amqp();
    const closed = new Promise<void>((done) => connection.once("close", () => done()));
    world.rule({ fault: { storm: { every: "10s", times: 3 } } });
    await closed;
    for (let cut = 1; cut <= 3; cut++) {
      await until(() => connects >= cut);
      await world.havoq.clock.advance(10_000);
    }
    await world.havoq.clock.advance(60_000);
    const disconnects = world.havoq.journal.entries().filter(({ action }) => action === "disconnect");
    expect([connects, disconnects.length]).toEqual([3, 3]);
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
  }, 20_000);

  test("of rebalances: each member joins again and again", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    await (await world.producer()).send({ topic: "t", messages: [{ value: "1" }] });
    const reader = await world.consumer("t", { groupId: "g" });
    const rule = world.rule({ match: { protocol: "kafka" }, fault: { storm: { of: "rebalances", every: "20s" } } });
    for (let joins = 1; joins < 4; joins++) {
      await until(() => reader.joins > joins);
      await world.havoq.clock.advance(20_000);
    }
    rule.remove();
    expect((await reader.until(1))[0]).toBe("1");
  }, 20_000);

  test("of redeliveries: what is unacknowledged comes again, in each protocol as it does there", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const inMqtt: [string, boolean][] = [];
    const client = await world.mqtt({ clientId: "slow", clean: false, properties: { sessionExpiryInterval: 60 } });
    // Never acknowledges.
    client.handleMessage = (packet) => void inMqtt.push([String(packet.payload), packet.dup]);
    await client.subscribeAsync("t", { qos: 1 });
    world.havoq.control.publish({ protocol: "mqtt", topic: "t", qos: 1, payload: "m" });
    const channel = await (await world.amqp()).createChannel();
    await channel.assertQueue("q");
    await channel.consume("q", () => undefined);
    world.havoq.control.publish({ protocol: "amqp", routingKey: "q", payload: "a" });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "k" }] });
    const reader = await world.consumer("t", { groupId: "g" });
    const uncommitted: string[] = [];
    reader.consumer.stop();
    const other = world.kafka({ clientId: "other" }).consumer({ groupId: "h", maxWaitTimeInMs: 50, heartbeatInterval: 50 });
    await other.connect();
    await other.subscribe({ topic: "t", fromBeginning: true });
    await other.run({ autoCommit: false, eachMessage: async ({ message }) => void uncommitted.push(String(message.value)) });
    await until(
      () => inMqtt.length === 1 && uncommitted.length === 1 && world.havoq.amqp!.vhosts.get("/")!.queues.get("q")!.items.unacked === 1,
    );
    world.rule({ fault: { storm: { of: "redeliveries", times: 1 } } });
    await until(() => inMqtt.length === 2 && uncommitted.length === 2);
    expect(inMqtt).toEqual([
      ["m", false],
      ["m", true],
    ]);
    const again = await (await (await world.amqp()).createChannel()).get("q");
    expect(again && [again.content.toString(), again.fields.redelivered]).toEqual(["a", true]);
    await other.disconnect();
  }, 20_000);
});
