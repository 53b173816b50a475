/** Every metric of the contract moves with wire traffic of real clients, by the amount of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import amqplib from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { join, resolve } from "node:path";
import { fail } from "../../src/hooks/plugin.ts";
import { house, type House } from "../admin/house.ts";

/** The names of docs' contract with their labels. */
const CONTRACT: Record<string, string[]> = {
  kafka_messages_produced_total: ["topic"],
  kafka_messages_consumed_total: ["topic", "group"],
  kafka_consumer_lag: ["group", "topic", "partition"],
  kafka_connections_active: [],
  kafka_requests_total: ["api", "error"],
  kafka_request_duration_seconds: ["api"],
  mqtt_messages_published_total: ["topic"],
  mqtt_messages_delivered_total: [],
  mqtt_clients_connected: [],
  mqtt_subscriptions_active: [],
  mqtt_retained_messages: [],
  amqp_messages_published_total: ["exchange"],
  amqp_messages_delivered_total: ["queue"],
  amqp_queue_depth: ["queue"],
  amqp_connections_active: [],
  havoq_faults_fired_total: ["rule", "verdict"],
  havoq_plugin_errors_total: ["plugin"],
  process_cpu_seconds_total: [],
  process_resident_memory_bytes: [],
  process_start_time_seconds: [],
};

/** Values by series: `name{label="value"}`, labels in the order of their names. */
type Scrape = Map<string, number>;

async function scrape(h: House, path = "/metrics"): Promise<Scrape> {
  const response = await fetch(`${h.url}${path}`);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/plain; version=0.0.4")]);
  const values: Scrape = new Map();
  for (const line of (await response.text()).split("\n")) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const labels = [...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => `${name}="${value}"`).sort();
    values.set(labels.length === 0 ? match[1]! : `${match[1]}{${labels.join(",")}}`, Number(match[3]));
  }
  return values;
}

let h: House;
beforeAll(async () => {
  h = await house(
    {},
    {
      plugins: [
        {
          name: "refuses",
          file: "",
          plugin: { message: { match: { protocol: "kafka", topic: "refused" }, run: () => fail("CORRUPT_MESSAGE") } },
        },
        {
          name: "breaks",
          file: "",
          plugin: {
            message: {
              match: { protocol: "mqtt", topic: "broken" },
              run: () => {
                throw new Error("as planned");
              },
            },
          },
        },
      ],
    },
  );
});
afterAll(() => h[Symbol.asyncDispose]());

describe("metrics", () => {
  test("Kafka: produced, consumed, lag, connections, requests and how long they took", async () => {
    const kafka = new Kafka({ clientId: "metered", brokers: h.kafka, logLevel: logLevel.NOTHING, retry: { retries: 0 } });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      topics: [
        { topic: "orders", numPartitions: 1 },
        { topic: "refused", numPartitions: 1 },
      ],
    });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: "orders", messages: Array.from({ length: 7 }, (_, i) => ({ value: String(i) })) });
    await expect(producer.send({ topic: "refused", messages: [{ value: "x" }] })).rejects.toThrow();
    const consumer = kafka.consumer({ groupId: "readers", maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: "orders", fromBeginning: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void (message.value!.toString() === "6" && resolve()) });
    await promise;
    await consumer.commitOffsets([{ topic: "orders", partition: 0, offset: "3" }]);
    const found = await scrape(h);
    expect(found.get('kafka_messages_produced_total{topic="orders"}')).toBe(7);
    expect(found.get('kafka_messages_produced_total{topic="refused"}')).toBe(0);
    expect(found.get('kafka_messages_consumed_total{group="readers",topic="orders"}')).toBe(7);
    expect(found.get('kafka_consumer_lag{group="readers",partition="0",topic="orders"}')).toBe(4);
    expect(found.get("kafka_connections_active")).toBe(h.havoq.net.counts.kafka.active);
    expect(found.get("kafka_connections_active")).toBeGreaterThanOrEqual(3);
    expect(found.get('kafka_requests_total{api="Produce",error="NONE"}')).toBe(1);
    expect(found.get('kafka_requests_total{api="Produce",error="CORRUPT_MESSAGE"}')).toBe(1);
    expect(found.get('kafka_requests_total{api="CreateTopics",error="NONE"}')).toBe(1);
    expect(found.get('kafka_request_duration_seconds_count{api="Produce"}')).toBe(2);
    expect(found.get('kafka_request_duration_seconds_bucket{api="Produce",le="+Inf"}')).toBe(2);
    expect(found.get('kafka_request_duration_seconds_sum{api="JoinGroup"}')).toBeGreaterThanOrEqual(0);
    expect(found.get('havoq_faults_fired_total{rule="refuses",verdict="fail"}')).toBe(1);
    await Promise.all([consumer.disconnect(), producer.disconnect()]);

    // What a deleted topic counted is not forgotten, and goes on where it comes again.
    await admin.deleteTopics({ topics: ["orders"] });
    expect((await scrape(h)).get('kafka_messages_produced_total{topic="orders"}')).toBe(7);
    await h.ask("POST", "/api/messages", { protocol: "kafka", topic: "orders", payload: "again" });
    expect((await scrape(h)).get('kafka_messages_produced_total{topic="orders"}')).toBe(8);
    await admin.disconnect();
  }, 30_000);

  test("MQTT: published, delivered, clients, subscriptions, retained, errors of a plugin", async () => {
    const before = await scrape(h);
    const client = await mqtt.connectAsync(h.mqtt);
    await client.subscribeAsync(["sensors/#", "other"], { qos: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = 3;
    client.on("message", () => --left === 0 && resolve());
    for (let i = 0; i < 3; i++) await client.publishAsync("sensors/1", "x", { qos: 1, retain: i === 2 });
    await client.publishAsync("broken", "x", { qos: 1 });
    await promise;
    const found = await scrape(h);
    expect(found.get('mqtt_messages_published_total{topic="sensors/1"}')).toBe(3);
    expect(found.get("mqtt_messages_delivered_total")).toBe(before.get("mqtt_messages_delivered_total")! + 3);
    expect(found.get("mqtt_clients_connected")).toBe(1);
    expect(found.get("mqtt_subscriptions_active")).toBe(2);
    expect(found.get("mqtt_retained_messages")).toBe(1);
    expect(found.get('havoq_plugin_errors_total{plugin="breaks"}')).toBe(1);
    await client.publishAsync("sensors/1", "", { qos: 1, retain: true });
    await client.endAsync();
    await h.ask("POST", "/api/await", { connections: { protocol: "mqtt" }, count: 0, timeout: "5s" });
    const after = await scrape(h);
    expect([after.get("mqtt_clients_connected"), after.get("mqtt_subscriptions_active"), after.get("mqtt_retained_messages")]).toEqual([
      0, 0, 0,
    ]);
  }, 30_000);

  test("AMQP: published, delivered, depth, connections", async () => {
    const connection = await amqplib.connect(h.amqp);
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange("events", "fanout");
    await channel.assertQueue("work");
    await channel.bindQueue("work", "events", "");
    for (let i = 0; i < 5; i++) channel.publish("events", "", Buffer.from("x"));
    channel.sendToQueue("work", Buffer.from("direct"));
    await channel.waitForConfirms();
    let found = await scrape(h);
    expect(found.get('amqp_messages_published_total{exchange="events"}')).toBe(5);
    expect(found.get('amqp_messages_published_total{exchange="amq.default"}')).toBe(1);
    expect(found.get('amqp_queue_depth{queue="work"}')).toBe(6);
    expect(found.get("amqp_connections_active")).toBe(1);
    for (let i = 0; i < 2; i++) expect(await channel.get("work", { noAck: true })).not.toBe(false);
    found = await scrape(h);
    expect(found.get('amqp_messages_delivered_total{queue="work"}')).toBe(2);
    expect(found.get('amqp_queue_depth{queue="work"}')).toBe(4);
    await channel.deleteQueue("work");
    await channel.deleteExchange("events");
    found = await scrape(h);
    expect(found.get('amqp_messages_delivered_total{queue="work"}')).toBe(2);
    expect(found.get('amqp_messages_published_total{exchange="events"}')).toBe(5);
    expect(found.has('amqp_queue_depth{queue="work"}')).toBe(false);
    await connection.close();
  }, 30_000);

  test("every name has its labels, at both addresses", async () => {
    // Each of them has something to tell of.
    await h.ask("POST", "/api/kafka/topics", { name: "named", partitions: 1 });
    await h.ask("POST", "/api/messages", { protocol: "kafka", topic: "named", payload: "x" });
    await h.ask("POST", "/api/kafka/groups/late/offsets", { topic: "named", to: "beginning" });
    const consumer = new Kafka({ clientId: "named", brokers: h.kafka, logLevel: logLevel.NOTHING }).consumer({
      groupId: "named",
      maxWaitTimeInMs: 100,
    });
    await consumer.connect();
    await consumer.subscribe({ topic: "named", fromBeginning: true });
    await new Promise<void>((resolve) => void consumer.run({ eachMessage: async () => resolve() }));
    await consumer.disconnect();
    const client = await mqtt.connectAsync(h.mqtt);
    await h.ask("POST", "/api/rules", { name: "named", match: { protocol: "mqtt", topic: "named" }, fault: { drop: {} } });
    for (const topic of ["broken", "named"]) await client.publishAsync(topic, "x", { qos: 1 });
    await client.endAsync();
    const connection = await amqplib.connect(h.amqp);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("named");
    channel.sendToQueue("named", Buffer.from("x"));
    await channel.waitForConfirms();
    await channel.get("named", { noAck: true });
    await connection.close();
    for (const path of ["/metrics", "/__mockforge/metrics"]) {
      const series = [...(await scrape(h, path)).keys()];
      for (const [name, labels] of Object.entries(CONTRACT)) {
        const own = series.filter((one) => one.replace(/\{.*/, "").replace(/_(bucket|sum|count)$/, "") === name);
        expect([name, own.length > 0]).toEqual([name, true]);
        for (const one of own) {
          const found = [...one.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter((label) => label !== "le");
          expect([name, found]).toEqual([name, [...labels].sort()]);
        }
      }
    }
  }, 30_000);

  test("labels are capped: the rest is counted under other, and nothing is lost", async () => {
    await using many = await house();
    const topics = 1200;
    for (let i = 0; i < topics; i++) many.havoq.kafka!.createTopic(`t${i}`, { partitions: 1 });
    const total = async (): Promise<[series: number, other: number, all: number]> => {
      const found = [...(await scrape(many))].filter(([series]) => series.startsWith("kafka_messages_produced_total"));
      return [
        found.length,
        found.find(([series]) => series.includes('"other"'))?.[1] ?? 0,
        found.reduce((sum, [, value]) => sum + value, 0),
      ];
    };
    for (let i = 0; i < topics; i++) many.havoq.control.publish({ protocol: "kafka", topic: `t${i}`, payload: "x" });
    expect(await total()).toEqual([1001, 200, 1200]);
    for (let i = 0; i < topics; i++) many.havoq.control.publish({ protocol: "kafka", topic: `t${i}`, payload: "x" });
    expect(await total()).toEqual([1001, 400, 2400]);
    for (let i = 1100; i < topics; i++) many.havoq.kafka!.deleteTopic(many.havoq.kafka!.topics.get(`t${i}`)!);
    expect(await total()).toEqual([1001, 400, 2400]);
  });

  test("the Grafana dashboard names metrics that exist, with labels that they have", async () => {
    const dashboard = await Bun.file(join(resolve(import.meta.dirname, "../.."), "docs/grafana-dashboard.json")).json();
    const panels: any[] = dashboard.panels
      .flatMap((panel: any) => [panel, ...(panel.panels ?? [])])
      .filter((panel: any) => panel.type !== "row");
    expect(panels.length).toBeGreaterThan(10);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const used = new Set<string>();
    for (const panel of panels) {
      expect(panel.targets.length).toBeGreaterThan(0);
      for (const { expr } of panel.targets) {
        const names = [...expr.matchAll(/\b((?:kafka|mqtt|amqp|havoq|process)_\w+)/g)].map(([, name]) =>
          name!.replace(/_(bucket|sum|count)$/, ""),
        );
        expect([expr, names.length > 0]).toEqual([expr, true]);
        for (const name of names) {
          expect([expr, Object.keys(CONTRACT)]).toEqual([expr, expect.arrayContaining([name])]);
          used.add(name);
        }
        const labels = [...expr.matchAll(/\bby \(([^)]*)\)/g)]
          .flatMap(([, list]) => list!.split(",").map((label: string) => label.trim()))
          .filter((label) => label !== "le");
        for (const label of labels) expect([expr, names.some((name) => CONTRACT[name]!.includes(label))]).toEqual([expr, true]);
      }
    }
    expect(Object.keys(CONTRACT).filter((name) => !used.has(name) && name !== "process_start_time_seconds")).toEqual([]);
  });
});
