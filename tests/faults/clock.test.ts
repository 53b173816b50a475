/** Time-outs of hours and days, with real clients, by moving the clock; and what a jump must not do to them. */
import { describe, expect, test } from "bun:test";
import { until, World } from "./world.ts";

const DAY = 86_400_000,
  HOUR = 3_600_000;

describe("clock-jump", () => {
  test("a session.timeout.ms of 45 s: the member that is cut off is out, the one that is there stays", async () => {
    await using world = await World.start({ kafka: { brokers: 1, default_partitions: 2 } });
    const producer = await world.producer();
    await producer.send({
      topic: "t",
      messages: [
        { value: "0", partition: 0 },
        { value: "1", partition: 1 },
      ],
    });
    const [dead, alive] = [
      await world.consumer("t", { groupId: "g", clientId: "dead", sessionTimeout: 45_000 }),
      await world.consumer("t", { groupId: "g", clientId: "alive", sessionTimeout: 45_000 }),
    ];
    const group = () => world.havoq.control.groups().find(({ id }) => id === "g")!;
    await until(() => group().state === "Stable" && group().members.length === 2);
    world.havoq.control.block({ client: "dead" });
    await world.fired(world.rule({ fault: { "clock-jump": { by: "35s" } } }));
    await world.havoq.control.advance(0); // behind the jump
    expect(group().members.length).toBe(2);
    await world.havoq.control.advance(11_000);
    await until(() => group().state === "Stable" && group().members.length === 1);
    expect(group().members[0]!.clientId).toBe("alive");
    await producer.send({
      topic: "t",
      messages: [
        { value: "2", partition: 0 },
        { value: "3", partition: 1 },
      ],
    });
    await until(() => alive.values.includes("2") && alive.values.includes("3"));
    expect([alive.crashes, dead.values.includes("2")]).toEqual([0, false]);
  }, 20_000);

  test("a queue TTL of a day: messages go to the dead letters, the queue's own connection stays", async () => {
    await using world = await World.start();
    const connection = await world.amqp();
    let closed = false;
    connection.on("close", () => (closed = true));
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("dead");
    await channel.assertQueue("waiting", {
      arguments: { "x-message-ttl": DAY, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" },
    });
    await channel.assertQueue("idle", { arguments: { "x-expires": DAY } });
    channel.sendToQueue("waiting", Buffer.from("m"));
    await channel.waitForConfirms();
    await world.havoq.control.advance(DAY - 10_000);
    expect((await channel.checkQueue("waiting")).messageCount).toBe(1);
    await world.havoq.control.advance(10_001);
    expect((await channel.checkQueue("waiting")).messageCount).toBe(0);
    const letter = await channel.get("dead", { noAck: true });
    expect(letter && [letter.content.toString(), (letter.properties.headers as any)["x-death"][0].reason]).toEqual(["m", "expired"]);
    expect(world.havoq.amqp!.vhosts.get("/")!.queues.has("idle")).toBe(false);
    expect(closed).toBe(false);
  }, 20_000);

  test("a Will delay of an hour", async () => {
    await using world = await World.start();
    const witness = await world.mqtt({ keepalive: 10 });
    const wills: string[] = [];
    witness.on("message", (_topic, payload) => void wills.push(String(payload)));
    await witness.subscribeAsync("wills", { qos: 1 });
    const client = await world.mqtt({
      clientId: "c",
      reconnectPeriod: 0,
      properties: { sessionExpiryInterval: 7200 },
      will: { topic: "wills", payload: Buffer.from("gone"), qos: 1, retain: false, properties: { willDelayInterval: 3600 } },
    });
    client.stream.destroy();
    await until(() => world.havoq.mqtt!.sessions.get("c")!.link === null);
    await world.havoq.control.advance(HOUR - 10_000);
    await witness.publishAsync("marker", "", { qos: 1 });
    expect(wills).toEqual([]);
    await world.havoq.control.advance(10_001);
    await until(() => wills.length === 1);
    expect([wills, witness.connected]).toEqual([["gone"], true]);
  }, 20_000);
});

describe("a jump", () => {
  test("of a week cuts no client that is there, whatever its keep alive, heartbeat or session timeout", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const client = await world.mqtt({ keepalive: 5 });
    const connection = await world.amqp();
    const reader = await world.consumer("t", { groupId: "g" });
    let cut = 0;
    client.on("close", () => void cut++);
    connection.on("close", () => void cut++);
    const { generation } = world.havoq.control.groups()[0]!;
    await world.havoq.control.advance(7 * DAY);
    await (await world.producer()).send({ topic: "t", messages: [{ value: "1" }] });
    await client.publishAsync("t", "x", { qos: 1 });
    await (await connection.createChannel()).assertQueue("q");
    await reader.until(1);
    expect([cut, reader.crashes, world.havoq.control.groups()[0]!.generation]).toEqual([0, 0, generation]);
  }, 20_000);

  test("leaves to a client that joins the time that it has", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const joining = world.consumer("t", { groupId: "g" });
    const connecting = [world.mqtt(), world.amqp()];
    for (let i = 0; i < 20; i++) {
      await world.havoq.control.advance(60_000);
      await Bun.sleep(1);
    }
    await Promise.all([joining, ...connecting]);
    expect(world.havoq.net.counts).toMatchObject({ kafka: { failed: 0 }, mqtt: { failed: 0 }, amqp: { failed: 0 } });
  }, 20_000);

  test("counts for a client that is cut off", async () => {
    await using world = await World.start();
    const client = await world.mqtt({ clientId: "c", keepalive: 10, reconnectPeriod: 0 });
    const closed = new Promise<void>((done) => client.once("close", () => done()));
    world.havoq.control.block({ client: "c" });
    await world.havoq.control.advance(5_000);
    expect(world.havoq.mqtt!.sessions.has("c")).toBe(true);
    await world.havoq.control.advance(11_000);
    expect(world.havoq.mqtt!.sessions.has("c")).toBe(false);
    await world.havoq.control.advance(6_000);
    await closed;
  }, 20_000);
});
