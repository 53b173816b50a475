/**
 * Many connections at once: eight tenths MQTT, a tenth AMQP, a tenth Kafka. Each does one round trip, then
 * all of them stay, and do another while the others are there.
 *
 *     bun scripts/stress-test.ts --connections 5000
 *
 * Fails when one cannot connect, breaks, or gets no answer.
 */
import { connect as connectAmqp } from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { ADDRESSES } from "../services/bus.ts";
import { option } from "./checks.ts";
import { Percentiles } from "./percentiles.ts";

const connections = option("connections", 5000);
/** How many connect at the same time. */
const AT_ONCE = 50;

interface Connection {
  /** Something that is answered. */
  ask(): Promise<unknown>;
  open(): boolean;
}

const KINDS: Record<string, (n: number) => Promise<Connection>> = {
  async mqtt(n) {
    const client = await mqtt.connectAsync(ADDRESSES.mqtt, {
      clientId: `stress-${process.pid}-${n}`,
      keepalive: 600,
      reconnectPeriod: 0,
      connectTimeout: 60_000,
    });
    return { ask: () => client.publishAsync(`stress/${n}`, "x", { qos: 1 }), open: () => client.connected };
  },
  async amqp() {
    const connection = await connectAmqp(`${ADDRESSES.amqp}?heartbeat=0`);
    let open = true;
    connection.on("close", () => (open = false)).on("error", () => (open = false));
    const channel = await connection.createChannel();
    return { ask: () => channel.checkQueue("email.queue"), open: () => open };
  },
  async kafka(n) {
    // The broker that answers first is the only one it needs.
    const admin = new Kafka({
      clientId: `stress-${n}`,
      brokers: [ADDRESSES.kafka[n % ADDRESSES.kafka.length]!],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 60_000,
    }).admin();
    let open = true;
    admin.on(admin.events.DISCONNECT, () => (open = false));
    await admin.connect();
    return { ask: () => admin.describeCluster(), open: () => open };
  },
};

const connecting = new Percentiles(),
  alone = new Percentiles(),
  together = new Percentiles();
const all: { kind: string; connection: Connection }[] = [];
const failures = new Map<string, number>();
const fail = (kind: string, error: unknown): void => {
  const what = `${kind}: ${(error as Error).message || String(error)}`;
  failures.set(what, (failures.get(what) ?? 0) + 1);
};
async function timed<T>(work: Promise<T>, into: Percentiles): Promise<T> {
  const began = performance.now();
  const result = await work;
  into.add(performance.now() - began);
  return result;
}

const kindOf = (n: number): string => (n % 10 === 8 ? "amqp" : n % 10 === 9 ? "kafka" : "mqtt");
let next = 0;
const began = performance.now();
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (next < connections) {
      const n = next++,
        kind = kindOf(n);
      try {
        const connection = await timed(KINDS[kind]!(n), connecting);
        await timed(connection.ask(), alone);
        all.push({ kind, connection });
      } catch (error) {
        fail(kind, error);
      }
    }
  }),
);
const seconds = (performance.now() - began) / 1000;

let asked = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (asked < all.length) {
      const { kind, connection } = all[asked++]!;
      await timed(connection.ask(), together).catch((error) => fail(kind, error));
    }
  }),
);
const open = all.filter(({ connection }) => connection.open());

console.log(`connections  ${open.length} of ${connections} are open at once, after ${seconds.toFixed(1)} s`);
for (const kind of Object.keys(KINDS)) console.log(`  ${kind.padEnd(5)} ${open.filter((one) => one.kind === kind).length}`);
console.log(`connecting   ${connecting}`);
console.log(`round trip   ${alone}`);
console.log(`with all     ${together}`);
const admin = process.env.HAVOQ_ADMIN_URL;
let counted = Infinity;
if (admin !== undefined) {
  const { connections: counts } = (await (await fetch(`${admin}/api/status`)).json()) as {
    connections: Record<string, { active: number }>;
  };
  counted = Object.values(counts).reduce((sum, { active }) => sum + active, 0);
  console.log(`the brokers count ${counted}`);
}
if (open.length < connections) failures.set(`${connections - open.length} connections are not open`, 1);
if (counted < connections) failures.set(`the brokers count ${counted} connections`, 1);
for (const [what, times] of failures) console.error(`✗ ${what}${times > 1 ? ` (${times} times)` : ""}`);
if (failures.size === 0) console.log("stress test: passed");
process.exit(failures.size === 0 ? 0 : 1);
