/** havoq/testing as a user's test has it, under bun:test. */
import { expect, test } from "bun:test";
import amqplib from "amqplib";
import { start, type TestHavoq } from "havoq/testing";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";

const LONG = 60_000;
const kafkaOf = ({ kafka: { brokers } }: TestHavoq) =>
  new Kafka({ clientId: "test", brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } });

test(
  "a rule with a handle: it fires, is counted, goes, and is remembered",
  async () => {
    await using havoq = await start({ seed: 7 });
    expect(havoq.seed).toBe(7);
    const lost = await havoq.rule({ match: { protocol: "mqtt", topic: "t" }, when: { nth: 2 }, fault: { drop: {} } });
    const client = await mqtt.connectAsync(havoq.mqtt.url, { clientId: "c" });
    const got: string[] = [];
    client.on("message", (_topic, payload) => void got.push(payload.toString()));
    await client.subscribeAsync("t");
    for (const word of ["a", "b", "c"]) await client.publishAsync("t", word, { qos: 1 });
    await lost.untilFired(1);
    expect([await lost.fired(), await lost.matched()]).toEqual([1, 3]);
    await lost.remove();
    await client.publishAsync("t", "d", { qos: 1 });
    expect(await lost.fired()).toBe(1);
    expect((await havoq.journal()).map(({ verdict, name, ordinal }) => [verdict, name, ordinal])).toEqual([["drop", "t", 1]]);
    await client.endAsync();
    expect(got).toEqual(["a", "c", "d"]);
  },
  LONG,
);

test(
  "an event that rules wait for",
  async () => {
    await using havoq = await start({
      seed: 7,
      rules: [{ name: "later", match: { topic: "t" }, when: { after: { event: "go" } }, fault: "drop" }],
    });
    const client = await mqtt.connectAsync(havoq.mqtt.url, { clientId: "c" });
    const later = { rule: "later", fired: 1 };
    await client.publishAsync("t", "before", { qos: 1 });
    await expect(havoq.until(later, "1ms")).rejects.toThrow("fired 0 times");
    await havoq.raise("go");
    await client.publishAsync("t", "after", { qos: 1 });
    await havoq.until(later, "5s");
    await client.endAsync();
  },
  LONG,
);

test(
  "what is awaited: a stable group, records, an MQTT session; and a will that is due in an hour",
  async () => {
    await using havoq = await start();
    const kafka = kafkaOf(havoq);
    const consumer = kafka.consumer({ groupId: "g" });
    await havoq.publish({ protocol: "kafka", topic: "orders", key: "k", payload: { id: 1 } });
    await consumer.connect();
    await consumer.subscribe({ topic: "orders", fromBeginning: true });
    const seen = Promise.withResolvers<string>();
    await consumer.run({ eachMessage: async ({ message }) => seen.resolve(message.value!.toString()) });
    expect(JSON.parse(await seen.promise)).toEqual({ id: 1 });
    await havoq.until({ group: "g", is: "stable", members: 1 });
    await havoq.until({ topic: "orders", messages: 1 });
    await consumer.disconnect();

    const watcher = await mqtt.connectAsync(havoq.mqtt.url, { clientId: "watcher" });
    const will = new Promise<string>((resolve) => watcher.on("message", (_topic, payload) => resolve(payload.toString())));
    await watcher.subscribeAsync("gone");
    const sensor = await mqtt.connectAsync(havoq.mqtt.url, {
      clientId: "sensor",
      protocolVersion: 5,
      reconnectPeriod: 0,
      properties: { sessionExpiryInterval: 7200 },
      will: { topic: "gone", payload: Buffer.from("bye"), properties: { willDelayInterval: 3600 } },
    });
    sensor.stream.destroy();
    await havoq.until({ session: "sensor", connected: false });
    await havoq.advance("1h");
    expect(await will).toBe("bye");
    await watcher.endAsync();
  },
  LONG,
);

test(
  "errors say what is wrong",
  async () => {
    await expect(start({ rules: [{ fault: { dorp: {} } }] })).rejects.toThrow("did you mean drop?");
    await expect(start({ config: { kafka: { brokrs: 3 } } })).rejects.toThrow("did you mean brokers?");
    await using havoq = await start({ config: { kafka: { brokers: 2 } } });
    expect(havoq.kafka.brokers).toHaveLength(2);
    await expect(havoq.rule({ match: { topik: "t" } as never, fault: "drop" })).rejects.toThrow("did you mean topic?");
    await expect(havoq.until({ topic: "never", messages: 1 }, 20)).rejects.toThrow("in vain");
    await expect(havoq.control("electLeader", { topic: "none", partition: 0 })).rejects.toThrow();
  },
  LONG,
);

test(
  "a hundred of them side by side, each with traffic and a rule of its own",
  async () => {
    const all = await Promise.all(Array.from({ length: 100 }, (_, seed) => start({ seed })));
    expect(new Set(all.flatMap(({ kafka, mqtt, amqp, admin }) => [...kafka.brokers, mqtt.url, amqp.url, admin.url])).size).toBe(400);
    await Promise.all(
      all.map(async (havoq, i) => {
        const rule = await havoq.rule({ match: { address: "mine" }, when: { nth: 1 }, fault: { duplicate: { times: (i % 3) + 1 } } });
        const client = await mqtt.connectAsync(havoq.mqtt.url, { clientId: "c" });
        const got: string[] = [];
        const end = new Promise<void>((resolve) =>
          client.on("message", (_topic, payload) => (got.push(payload.toString()), payload.toString() === "end" && resolve())),
        );
        await client.subscribeAsync("mine");
        await client.publishAsync("mine", `from ${i}`, { qos: 1 });
        await client.publishAsync("mine", "end", { qos: 1 });
        await end;
        expect(got).toEqual([...Array.from({ length: (i % 3) + 2 }, () => `from ${i}`), "end"]);
        expect(await rule.fired()).toBe(1);
        await client.endAsync();

        const connection = await amqplib.connect(havoq.amqp.url);
        const channel = await connection.createChannel();
        await channel.assertQueue("q");
        channel.sendToQueue("q", Buffer.from(`amqp ${i}`));
        await havoq.until({ queue: "q", ready: 1 });
        expect(((await channel.get("q", { noAck: true })) as amqplib.GetMessage).content.toString()).toBe(`amqp ${i}`);
        await connection.close();

        const kafka = kafkaOf(havoq);
        const producer = kafka.producer();
        await producer.connect();
        const stored = await producer.send({ topic: "k", messages: [{ value: `kafka ${i}`, partition: 0 }] });
        expect(stored.map(({ baseOffset }) => baseOffset)).toEqual(["0"]);
        await producer.disconnect();
      }),
    );
    await Promise.all(all.map((havoq) => havoq.stop()));
  },
  LONG,
);
