/** The same chaos again: one seed, one journal; and a journal given back. Real clients, the compiled binary, all three protocols. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { canonical, parseJournal, type JournalEntry } from "../../src/journal/journal.ts";
import { startBinary } from "../support/binary.ts";

const PLUGIN = `
import { definePlugin, delay, drop, duplicate, replace } from "havoq";
export default definePlugin({
  message(message, at) {
    const fate = at.random.next();
    if (fate < 0.1) return drop("unlucky");
    if (fate < 0.2) return duplicate(at.random.int(1, 3));
    if (fate < 0.3) return replace({ payload: message.text() + "!" });
    if (fate < 0.35) return delay(at.random.int(1, 3));
  },
  response: {
    match: { operation: ["PUBACK", "Produce", "basic.ack"] },
    run: (_answer, at) => (at.random.chance(0.1) ? delay(1) : undefined),
  },
  delivery(message, at) {
    if (at.random.chance(0.05)) return drop();
  },
});
`;
const COUNT = 100;

/** What the clients saw, and what fired. */
async function run(args: string[], journal: string): Promise<{ entries: JournalEntry[]; seen: object }> {
  const broker = await startBinary({ args: [...args, "--journal", journal] });
  const values = Array.from({ length: COUNT }, (_, i) => `v${i}`);

  const kafka = new Kafka({ clientId: "shop", brokers: broker.kafka.brokers.split(","), logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 2 }] });
  const producer = kafka.producer();
  await producer.connect();
  for (const value of values) await producer.send({ topic: "orders", messages: [{ key: `k${value.length}`, value }] });
  const stored = (await admin.fetchTopicOffsets("orders")).map(({ partition, high }) => [partition, high]).sort();
  await producer.disconnect();
  await admin.disconnect();

  const options = { protocolVersion: 5 as const };
  const subscriber = await mqtt.connectAsync(broker.mqtt.url, { ...options, clientId: "screen" });
  const publisher = await mqtt.connectAsync(broker.mqtt.url, { ...options, clientId: "sensor" });
  const readings: string[] = [];
  const end = Promise.withResolvers<void>();
  subscriber.on("message", (topic, payload) => (topic === "end" ? end.resolve() : void readings.push(payload.toString())));
  await subscriber.subscribeAsync(["readings", "end"]);
  for (const value of values) await publisher.publishAsync("readings", value, { qos: 1 });
  // The end may meet with chaos too.
  const again = setInterval(() => publisher.publish("end", ""), 20);
  await end.promise;
  clearInterval(again);
  await Promise.all([subscriber.endAsync(), publisher.endAsync()]);

  const connection = await amqplib.connect(broker.amqp.url, { clientProperties: { connection_name: "worker" } });
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue("tasks");
  for (const value of values) {
    channel.sendToQueue(queue, Buffer.from(value));
    await channel.waitForConfirms();
  }
  const tasks: string[] = [];
  await channel.consume(queue, (message) => void tasks.push(message!.content.toString()), { noAck: true });
  await channel.assertQueue("end");
  const ended = Promise.withResolvers<void>();
  await channel.consume("end", () => ended.resolve(), { noAck: true });
  const more = setInterval(() => channel.sendToQueue("end", Buffer.from("")), 20);
  await ended.promise;
  clearInterval(more);
  await connection.close();

  expect(await broker.stop()).toBe(0);
  const entries = parseJournal(await Bun.file(journal).text()).filter((line): line is JournalEntry => "n" in line);
  return { entries: entries.filter((entry) => !/[:/]end\b/.test(entry.stream)), seen: { stored, readings, tasks } };
}

test("one seed, one journal; another seed, another; a journal given back fires the same without drawing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "havoq-chaos-"));
  await Bun.write(join(folder, "plugins/chaos.ts"), PLUGIN);
  const plugins = ["--plugins", join(folder, "plugins")];
  const first = await run([...plugins, "--seed", "1"], join(folder, "1.jsonl"));
  const again = await run([...plugins, "--seed", "1"], join(folder, "1b.jsonl"));
  const other = await run([...plugins, "--seed", "2"], join(folder, "2.jsonl"));
  const replayed = await run(["--replay", join(folder, "1.jsonl")], join(folder, "replay.jsonl"));
  rmSync(folder, { recursive: true });

  for (const protocol of ["kafka", "mqtt", "amqp"]) {
    const kinds = new Set(first.entries.filter((entry) => entry.protocol === protocol).map((entry) => entry.verdict));
    for (const kind of ["drop", "duplicate", "replace", "delay"] as const) expect([protocol, kinds.has(kind)]).toEqual([protocol, true]);
  }
  expect(canonical(again.entries)).toEqual(canonical(first.entries));
  expect(again.seen).toEqual(first.seen);
  expect(canonical(replayed.entries)).toEqual(canonical(first.entries));
  expect(replayed.seen).toEqual(first.seen);
  expect(canonical(other.entries)).not.toEqual(canonical(first.entries));
  expect(other.seen).not.toEqual(first.seen);
});
