/** Faults that messages and clients carry themselves. */
import { expect, test } from "bun:test";
import { Kafka, logLevel } from "kafkajs";
import amqplib from "amqplib";
import { start } from "../../src/app.ts";
import { DEFAULTS } from "../../src/config/config.ts";
import { underRules } from "./house.ts";

async function withTriggers() {
  const house = await underRules();
  house.rules.allowTriggers();
  const send = (fault: string, text: string, qos: 0 | 1 = 0): void =>
    void house.publisher.publish("a", text, {
      qos,
      ...(qos > 0 ? { id: 7 } : {}),
      properties: { userProperties: [["havoq-fault", fault]] },
    });
  return { ...house, trigger: send };
}

test("a user property asks for a fault, with options or without", async () => {
  const { trigger, texts } = await withTriggers();
  trigger("drop", "lost");
  trigger('duplicate {"times": 2}', "thrice");
  expect(await texts()).toEqual(["thrice", "thrice", "thrice"]);
});

test("lose-answer loses the answer to that message, and to no other", async () => {
  const { trigger, publisher, texts } = await withTriggers();
  trigger("lose-answer", "stored", 1);
  expect(await publisher.rest()).toEqual([]);
  publisher.publish("a", "next", { qos: 1, id: 8 });
  expect(await publisher.expect("PUBACK")).toMatchObject({ id: 8 });
  expect(await texts()).toEqual(["stored", "next"]);
});

test("what is unknown is told once, and nothing happens", async () => {
  const { t, trigger, texts } = await withTriggers();
  for (const fault of ["dorp", "dorp", "latency {", 'latency {"mss": 1}', "clock-jump"]) trigger(fault, "x");
  expect(await texts()).toEqual(["x", "x", "x", "x", "x"]);
  const lines = t.house.lines.join("\n");
  expect(lines.match(/no fault dorp: did you mean drop\?/g)).toHaveLength(1);
  expect(lines).toContain("unknown key mss: did you mean ms?");
  expect(lines).toContain("clock-jump acts on the brokers");
});

test("a client id ends with a fault", async () => {
  const { t, subscriber } = await withTriggers();
  const [lossy, odd] = [await t.client(5, { clientId: "sensor+havoq:drop" }), await t.client(5, { clientId: "sensor+havoq:drpo" })];
  lossy.publish("a", "lost", { qos: 0 });
  odd.publish("a", "kept", { qos: 0 });
  const packets = await subscriber.rest();
  expect(packets.map((packet) => packet.type === "PUBLISH" && packet.payload.toString())).toEqual(["kept"]);
  expect(t.house.lines.join("\n")).toContain("client sensor+havoq:drpo: there is no fault drpo: did you mean drop?");
});

test("real clients: a Kafka record header, an AMQP header; only where they are switched on", async () => {
  for (const triggers of [true, false]) {
    const config = structuredClone(DEFAULTS);
    for (const one of [config.kafka, config.mqtt, config.amqp, config.admin]) one.port = 0;
    config.mqtt.websocket_port = 0;
    const havoq = await start({ ...config, triggers, seed: 1 }, { print: () => undefined });
    const addresses = havoq.addresses();
    const kafka = new Kafka({ clientId: "shop", brokers: [`127.0.0.1:${addresses.kafka!.ports[0]}`], logLevel: logLevel.NOTHING });
    const [producer, admin] = [kafka.producer(), kafka.admin()];
    await Promise.all([producer.connect(), admin.connect()]);
    await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 1 }] });
    for (const fault of ["duplicate", "drop"])
      await producer.send({ topic: "orders", messages: [{ key: "k", value: fault, headers: { "havoq-fault": fault } }] });
    const { high } = (await admin.fetchTopicOffsets("orders"))[0]!;
    // What was dropped leaves its offset behind.
    expect(Number(high)).toBe(triggers ? 3 : 2);
    await Promise.all([producer.disconnect(), admin.disconnect()]);

    const connection = await amqplib.connect(`amqp://127.0.0.1:${addresses.amqp!.port}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("tasks");
    channel.sendToQueue("tasks", Buffer.from("x"), { headers: { "havoq-fault": "duplicate" } });
    channel.sendToQueue("tasks", Buffer.from("y"), { headers: { "havoq-fault": "drop" } });
    await channel.waitForConfirms();
    expect((await channel.checkQueue("tasks")).messageCount).toBe(2);
    expect(((await channel.get("tasks", { noAck: true })) as { content: Buffer }).content.toString()).toBe("x");
    expect(((await channel.get("tasks", { noAck: true })) as { content: Buffer }).content.toString()).toBe(triggers ? "x" : "y");
    await connection.close();
    await havoq.stop();
  }
}, 30_000);
