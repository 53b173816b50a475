/**
 * One scenario across all three protocols at once, 10,000 messages, real clients, the compiled binary:
 * two runs with one seed give the same journal and the same account of every message.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { canonical, parseJournal, type JournalEntry } from "../../src/journal/journal.ts";
import { canonicalReport, type OracleReport } from "../../src/oracle/report.ts";
import { ensureBinary, startBinary, type RunningBinary } from "../support/binary.ts";

const [ORDERS, READINGS, TASKS] = [4000, 3000, 3000];

const CHAOS = `
chaos:
  - name: lost readings
    match: { protocol: mqtt, topic: readings }
    when: { probability: 0.01 }
    fault: drop
  - name: doubled readings
    match: { protocol: mqtt, topic: readings }
    when: { probability: 0.01, after: 1000 messages }
    fault: duplicate
  - name: mislaid readings
    match: { protocol: mqtt, topic: readings, client: screen, direction: out }
    when: { every: 500 }
    fault: drop
  - name: refused tasks
    match: { protocol: amqp, routingKey: tasks }
    when: { probability: 0.02 }
    fault: { error: { code: nack } }
scenario:
  name: a bad day
  steps:
    - name: orders get lost
      after: 1000 messages
      on: orders
      apply:
        - name: lost orders
          match: { protocol: kafka, topic: orders, key: k* }
          when: { probability: 0.01 }
          fault: drop
        - name: lost answers
          match: { protocol: kafka, operation: Produce, client: shop }
          when: { nth: [3, 11, 12] }
          fault: { lose-answer: { cut: true } }
    - name: orders are safe again
      after: 2000 messages
      on: orders
      remove: lost orders
    - name: everybody is done
      await: { messages: 1, on: done }
      within: 5m
      do: { electLeader: [orders, 0] }
  converge: { within: 10s, states: [{ group: billing, lag: 0 }, { queue: tasks, depth: 0, unacknowledged: 0 }] }
expect:
  - in_order: orders
  - state: { topic: orders, records: { from: 3900 } }
`;

const numbers = (n: number): string[] => Array.from({ length: n }, (_, i) => String(i));

async function orders(broker: RunningBinary): Promise<void> {
  const of = (clientId: string) =>
    new Kafka({
      clientId,
      brokers: broker.kafka.brokers.split(","),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, maxRetryTime: 200 },
    });
  const shop = of("shop");
  const admin = shop.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 3 }] });
  await admin.disconnect();
  const consumer = of("billing").consumer({ groupId: "billing", maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic: "orders", fromBeginning: true });
  const ended = Promise.withResolvers<void>();
  let ends = 0;
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.key!.toString() === "end" && ++ends === 3) ended.resolve();
    },
  });
  const producer = shop.producer();
  await producer.connect();
  const all = numbers(ORDERS - 3);
  for (let i = 0; i < all.length; i += 50) {
    await producer.send({ topic: "orders", messages: all.slice(i, i + 50).map((value) => ({ key: `k${Number(value) % 50}`, value })) });
  }
  await producer.send({ topic: "orders", messages: [0, 1, 2].map((partition) => ({ partition, key: "end", value: `end ${partition}` })) });
  await ended.promise;
  await consumer.disconnect();
  await producer.disconnect();
}

async function readings(broker: RunningBinary): Promise<void> {
  const options = { protocolVersion: 5 as const };
  const screen = await mqtt.connectAsync(broker.mqtt.url, { ...options, clientId: "screen" });
  const sensor = await mqtt.connectAsync(broker.mqtt.url, { ...options, clientId: "sensor" });
  const ended = Promise.withResolvers<void>();
  screen.on("message", (topic) => (topic === "end" ? ended.resolve() : undefined));
  await screen.subscribeAsync(["readings", "end"], { qos: 1 });
  for (const value of numbers(READINGS - 1)) await sensor.publishAsync("readings", value, { qos: 1 });
  await sensor.publishAsync("end", "", { qos: 1 });
  await ended.promise;
  await Promise.all([screen.endAsync(), sensor.endAsync()]);
}

async function tasks(broker: RunningBinary): Promise<void> {
  const connection = await amqplib.connect(broker.amqp.url, { clientProperties: { connection_name: "worker" } });
  const publisher = await connection.createConfirmChannel();
  await publisher.assertQueue("tasks");
  const consumer = await connection.createChannel();
  await consumer.prefetch(100);
  const left = new Set(numbers(TASKS));
  const all = Promise.withResolvers<void>();
  await consumer.consume("tasks", (message) => {
    consumer.ack(message!);
    left.delete(message!.content.toString());
    if (left.size === 0) all.resolve();
  });
  /** Those that were refused, in order. */
  const send = async (values: readonly string[]): Promise<string[]> => {
    const refused: string[] = [];
    await Promise.all(
      values.map(
        (value) =>
          new Promise<void>((resolve) =>
            publisher.sendToQueue("tasks", Buffer.from(value), {}, (error) => (error === null || void refused.push(value), resolve())),
          ),
      ),
    );
    return refused;
  };
  for (let i = 0; i < TASKS; i += 100) {
    let rest = numbers(TASKS).slice(i, i + 100);
    while (rest.length > 0) rest = await send(rest);
  }
  await all.promise;
  await consumer.checkQueue("tasks"); // every acknowledgement before it has arrived
  await connection.close();
}

async function run(folder: string, name: string, seed: number): Promise<{ journal: string[]; report: OracleReport; said: string }> {
  const [journal, oracle] = [join(folder, `${name}.jsonl`), join(folder, `${name}.json`)];
  const broker = await startBinary({
    args: ["--seed", String(seed), "--chaos", join(folder, "chaos.yaml"), "--journal", journal, "--oracle", oracle],
  });
  await Promise.all([orders(broker), readings(broker), tasks(broker)]);
  const last = await mqtt.connectAsync(broker.mqtt.url, { clientId: "last" });
  await last.publishAsync("done", "", { qos: 1 });
  await last.endAsync();
  // The scenario notices, heals and judges; its rules are then gone.
  const code = await broker.stop();
  expect(broker.stderr).toContain("scenario a bad day passed");
  expect(code).toBe(0);
  const entries = parseJournal(await Bun.file(journal).text()).filter((line): line is JournalEntry => "n" in line);
  return { journal: canonical(entries), report: await Bun.file(oracle).json(), said: broker.stderr };
}

test("one seed, one journal, one account of 10,000 messages; another seed, others", async () => {
  await ensureBinary();
  const folder = mkdtempSync(join(tmpdir(), "havoq-scenario-"));
  await Bun.write(join(folder, "chaos.yaml"), CHAOS);
  const first = await run(folder, "first", 11);
  const again = await run(folder, "again", 11);
  const other = await run(folder, "other", 12);
  rmSync(folder, { recursive: true });

  // Something happened, by each rule and step, in each protocol.
  for (const rule of [
    "lost readings",
    "doubled readings",
    "mislaid readings",
    "refused tasks",
    "lost orders",
    "lost answers",
    "a bad day",
  ]) {
    expect([rule, first.journal.some((line) => line.includes(rule))]).toEqual([rule, true]);
  }
  const { found, totals, leftOut } = first.report;
  expect(totals.stored).toBeGreaterThan(9_800);
  for (const kind of ["loss", "duplicate", "reordering", "leftover"] as const) expect([kind, found[kind] > 0]).toEqual([kind, true]);
  expect(first.report.findings.filter(({ faults }) => faults.length === 0)).toEqual([]);
  expect(leftOut).toEqual({ messages: 0, unacknowledged: 0, findings: 0 });

  expect(again.journal).toEqual(first.journal);
  expect(canonicalReport(again.report)).toEqual(canonicalReport(first.report));
  expect(other.journal).not.toEqual(first.journal);
  expect(canonicalReport(other.report)).not.toEqual(canonicalReport(first.report));
}, 180_000);

test("a chaos file that does not fit stops the start, with file, line, key and the nearest right word", async () => {
  await ensureBinary();
  const folder = mkdtempSync(join(tmpdir(), "havoq-scenario-"));
  await Bun.write(join(folder, "bad.yaml"), "scenario:\n  steps:\n    - aply: { fault: drop }\n");
  const serve = (file: string) => Bun.spawnSync([join(import.meta.dir, "../../dist/havoq"), "serve", "--chaos", file], { cwd: folder });
  const bad = serve("bad.yaml");
  expect([bad.exitCode, bad.stderr.toString()]).toEqual([
    1,
    "havoq: bad.yaml:3: scenario.steps.0.aply: unknown key aply: did you mean apply?\n",
  ]);
  expect(serve("none.yaml").stderr.toString()).toBe("havoq: there is no file none.yaml\n");
  rmSync(folder, { recursive: true });
}, 60_000);
