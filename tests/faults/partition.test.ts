import { describe, expect, test } from "bun:test";
import { failure, until, World } from "./world.ts";

/** Gives up by its own clock, which no test can move: yet not on an answer that a busy machine makes late. */
const IMPATIENT = { requestTimeout: 1000, connectionTimeout: 1000, retry: { retries: 0 } };

describe("partition", () => {
  test("kafka: a client that reaches no broker times out, others do not, and after the heal it goes on", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const [lonely, other] = [await world.producer({ clientId: "lonely", ...IMPATIENT }), await world.producer()];
    await lonely.send({ topic: "t", messages: [{ value: "1" }] });
    const rule = world.rule({ fault: { partition: { client: "lonely" } } });
    await world.fired(rule);
    const error = await failure(lonely.send({ topic: "t", messages: [{ value: "2" }] }));
    expect(error.name).toMatch(/KafkaJS(RequestTimeout|NumberOfRetriesExceeded|Connection)/);
    await other.send({ topic: "t", messages: [{ value: "3" }] });
    rule.remove();
    await until(() =>
      lonely.send({ topic: "t", messages: [{ value: "4" }] }).then(
        () => true,
        () => false,
      ),
    );
    const read = await (await world.consumer("t", { groupId: "g" })).until(3);
    expect(read.filter((value) => value !== "2")).toEqual(["1", "3", "4"]);
  }, 20_000);

  test("kafka, one way out: what was sent arrives, the answer does not", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const producer = await world.producer({ clientId: "unheard", ...IMPATIENT });
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const rule = world.rule({ fault: { partition: { client: "unheard", direction: "out" } } });
    await world.fired(rule);
    expect((await failure(producer.send({ topic: "t", messages: [{ value: "2" }] }))).cause.name).toBe("KafkaJSRequestTimeoutError");
    expect(world.havoq.control.topics().find(({ name }) => name === "t")!.partitions[0]!.end).toBe(2);
  }, 20_000);

  test("mqtt: silence until the keep alive is over, then the Will; nobody new gets in; the heal ends it", async () => {
    await using world = await World.start();
    const witness = await world.mqtt({ clientId: "witness" });
    const wills: string[] = [];
    witness.on("message", (_topic, payload) => void wills.push(String(payload)));
    await witness.subscribeAsync("wills");
    const client = await world.mqtt({
      clientId: "sensor-1",
      keepalive: 60,
      will: { topic: "wills", payload: Buffer.from("gone"), qos: 0, retain: false },
    });
    const got: string[] = [];
    client.on("message", (_topic, payload) => void got.push(String(payload)));
    await client.subscribeAsync("commands", { qos: 0 });
    const rule = world.rule({ match: { protocol: "mqtt" }, fault: { partition: { client: "sensor-*" } } });
    await world.fired(rule);
    await witness.publishAsync("commands", "unheard");
    await world.havoq.clock.advance(80_000);
    expect(wills).toEqual([]);
    await world.havoq.clock.advance(11_000);
    await until(() => wills.length > 0);
    expect([wills, got, client.connected]).toEqual([["gone"], [], true]);
    const second = world.mqtt({ clientId: "sensor-2", connectTimeout: 20_000 });
    expect(await Promise.race([second.then(() => "in"), Bun.sleep(50).then(() => "waits")])).toBe("waits");
    rule.remove();
    await second;
  }, 20_000);

  test("amqp, one way in: deliveries still come, acknowledgements do not arrive", async () => {
    await using world = await World.start();
    const connection = await world.amqp("worker");
    const channel = await connection.createChannel();
    await channel.assertQueue("q");
    const got: string[] = [];
    await channel.consume("q", (message) => {
      got.push(message!.content.toString());
      channel.ack(message!);
    });
    const rule = world.rule({ match: { protocol: "amqp" }, fault: { partition: { client: "worker", direction: "in" } } });
    await world.fired(rule);
    world.havoq.control.publish({ protocol: "amqp", routingKey: "q", payload: "1" });
    await until(() => got.length === 1);
    const queue = world.havoq.amqp!.vhosts.get("/")!.queues.get("q")!;
    await Bun.sleep(20);
    expect(queue.items.unacked).toBe(1);
    rule.remove();
    await until(() => queue.items.unacked === 0);
  }, 20_000);
});
