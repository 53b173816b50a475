/**
 * Load on the bus, without the services: eight tenths orders over Kafka, a tenth readings over MQTT, a
 * tenth notifications over AMQP; all of it is received again.
 *
 *     bun scripts/load-test.ts --rate 10000 --duration 60
 *
 * Fails when the rate is not held within 2 %, when a message is missing or comes twice, or when the queue
 * is not empty at the end.
 */
import { connect as connectAmqp } from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { ADDRESSES } from "../services/bus.ts";
import { option, within } from "./checks.ts";
import { Percentiles } from "./percentiles.ts";

const rate = option("rate", 10_000),
  duration = option("duration", 60);
const run = crypto.randomUUID();
const TICK = 10;
const SENSOR = "warehouse/sensors/temperature/load";

/** One of the three ways: how many were sent, which came, how late they were. */
class Way {
  readonly latencies = new Percentiles();
  sent = 0;
  received = 0;
  doubled = 0;
  private readonly seen: Uint8Array;

  constructor(
    readonly name: string,
    readonly share: number,
  ) {
    this.seen = new Uint8Array(Math.ceil(rate * duration * share) + 1);
  }

  /** How many are due by now. */
  due(elapsed: number): number {
    return Math.min(Math.floor(rate * duration * this.share), Math.floor((elapsed / 1000) * rate * this.share)) - this.sent;
  }

  make(): string {
    return JSON.stringify({ run, n: this.sent++, at: now() });
  }

  take(payload: string): void {
    const message = JSON.parse(payload) as { run?: string; n: number; at: number };
    if (message.run !== run) return;
    if (this.seen[message.n]++ > 0) this.doubled++;
    else this.received++;
    this.latencies.add(now() - message.at);
  }
}

const now = (): number => performance.timeOrigin + performance.now();
const orders = new Way("kafka", 0.8),
  readings = new Way("mqtt", 0.1),
  notes = new Way("amqp", 0.1);
const ways = [orders, readings, notes];

const kafka = new Kafka({ clientId: "load-test", brokers: ADDRESSES.kafka, logLevel: logLevel.NOTHING });
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `load-${run}`, maxWaitTimeInMs: 100 });
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: "orders.created", fromBeginning: true });
const joined = new Promise((resolve) => void consumer.on(consumer.events.GROUP_JOIN, resolve));
await consumer.run({
  eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
    for (const { value, offset } of batch.messages) {
      orders.take(value!.toString());
      resolveOffset(offset);
    }
    await heartbeat();
  },
});
await joined;

const [publisher, subscriber] = await Promise.all([mqtt.connectAsync(ADDRESSES.mqtt), mqtt.connectAsync(ADDRESSES.mqtt)]);
subscriber.on("message", (_topic, payload) => readings.take(payload.toString()));
await subscriber.subscribeAsync(SENSOR, { qos: 1 });

const amqp = await connectAmqp(ADDRESSES.amqp);
const [out, back] = await Promise.all([amqp.createConfirmChannel(), amqp.createChannel()]);
await back.prefetch(500);
await back.consume("email.queue", (message) => {
  notes.take(message!.content.toString());
  back.ack(message!);
});
let deepest = 0;
const sampling = setInterval(
  () => void out.checkQueue("email.queue").then(({ messageCount }) => (deepest = Math.max(deepest, messageCount))),
  500,
);

const began = performance.now();
const pending = new Set<Promise<unknown>>();
const failures: string[] = [];
while (performance.now() - began < duration * 1000 || ways.some((way) => way.due(duration * 1000) > 0)) {
  const elapsed = performance.now() - began;
  const batch = Array.from({ length: orders.due(elapsed) }, () => ({ key: String(orders.sent), value: orders.make() }));
  if (batch.length > 0) {
    const sending = producer
      .send({ topic: "orders.created", messages: batch, acks: 1 })
      .catch((error: Error) => void failures.push(error.message))
      .finally(() => pending.delete(sending));
    pending.add(sending);
  }
  for (let left = readings.due(elapsed); left > 0; left--) publisher.publish(SENSOR, readings.make());
  for (let left = notes.due(elapsed); left > 0; left--) out.publish("notifications", "notification.email.load", Buffer.from(notes.make()));
  await new Promise((resolve) => setTimeout(resolve, TICK));
}
const sentWithin = (performance.now() - began) / 1000;
await Promise.all(pending);
await out.waitForConfirms();
await within(() => ways.every((way) => way.received >= way.sent), "", 15_000).catch(() => undefined);
clearInterval(sampling);
const { messageCount: left } = await out.checkQueue("email.queue");

const sent = ways.reduce((sum, way) => sum + way.sent, 0);
const achieved = sent / sentWithin;
console.log(`throughput   ${achieved.toFixed(0)} messages/s for ${sentWithin.toFixed(1)} s, ${sent} in all`);
for (const way of ways) console.log(`${way.name.padEnd(6)} ${String(way.received).padStart(8)} of ${way.sent}  ${way.latencies}`);
console.log(`queue depth  ${deepest} at most, ${left} at the end`);

if (achieved < rate * 0.98) failures.push(`${achieved.toFixed(0)} messages/s are less than the ${rate} that were asked for`);
for (const way of ways) {
  if (way.received < way.sent) failures.push(`${way.sent - way.received} messages over ${way.name} never came`);
  if (way.doubled > 0) failures.push(`${way.doubled} messages over ${way.name} came twice`);
}
if (left > 0) failures.push(`${left} messages are left in email.queue`);
for (const failure of new Set(failures)) console.error(`✗ ${failure}`);
if (failures.length === 0) console.log("load test: passed");
process.exit(failures.length === 0 ? 0 : 1);
