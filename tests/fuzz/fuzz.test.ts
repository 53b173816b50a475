/**
 * Malformed frames by the hundred thousand, for each protocol: no crash, no hang, no memory that
 * stays behind, and a well-behaved client beside them loses nothing. HAVOQ_TEST_SEED draws others.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { AmqpBroker } from "../../src/amqp/broker/broker.ts";
import { AMQP_DEFAULTS } from "../../src/amqp/broker/options.ts";
import type { Plugin, Protocol } from "../../src/hooks/plugin.ts";
import { hashText, Random } from "../../src/hooks/random.ts";
import { connectMemory } from "../../src/net/memory.ts";
import type { Server } from "../../src/net/net.ts";
import { TestCluster } from "../kafka/client.ts";
import { TestBroker } from "../mqtt/client.ts";
import { MemoryHouse } from "../support/memory.ts";
import { AmqpTarget } from "./amqp.ts";
import { flood, type Memory, type Report, SEED } from "./flood.ts";
import { KafkaTarget } from "./kafka.ts";
import { MqttTarget } from "./mqtt.ts";
import type { Stage, Target } from "./target.ts";

const REFUSALS = Number(process.env.HAVOQ_FUZZ_REFUSALS ?? 100_000);
const MiB = 1024 * 1024;

console.log(`fuzz seed ${SEED} (HAVOQ_TEST_SEED=${SEED} repeats it)`);
afterAll(() => console.log(`fuzz seed ${SEED}`));

interface Fortress {
  house: MemoryHouse;
  target: Target;
}

function stage({ net, clock, lines }: MemoryHouse, server: Server): Stage {
  return { net, clock, lines, open: async () => connectMemory(server, net, server.protocol === "kafka" ? 1 : undefined) };
}

const draws = (name: string): Random => new Random(hashText(`fuzz ${SEED} ${name}`), 0);

const FORTRESSES: Record<Protocol, () => Promise<Fortress>> = {
  async kafka() {
    const { house, cluster } = new TestCluster({ auto_create_topics: false });
    return { house, target: await KafkaTarget.on(stage(house, cluster), cluster, draws("kafka")) };
  },
  async mqtt() {
    const { house, broker } = new TestBroker();
    return { house, target: await MqttTarget.on(stage(house, broker), broker, draws("mqtt")) };
  },
  async amqp() {
    const house = new MemoryHouse();
    const broker = new AmqpBroker(AMQP_DEFAULTS, house.host("amqp"));
    return { house, target: await AmqpTarget.on(stage(house, broker), broker, draws("amqp")) };
  },
};

/** Looks at everything there is to see, and has nothing against it. */
const curious: Plugin = {
  connect: () => undefined,
  disconnect: () => undefined,
  request: ({ body }) => void JSON.stringify(body, (_, value) => (typeof value === "bigint" ? String(value) : value)),
  response: ({ body, request }) => void [body, request],
  message: (message) => void [message.key, message.headers, message.json(), "properties" in message && message.properties],
  delivery: (message) => void [message.key, message.headers, message.text(), "properties" in message && message.properties],
  bytes: ({ data }) => void data.length,
};

describe.each(Object.entries(FORTRESSES))("%s", (_protocol, open) => {
  test(`${REFUSALS} refused frames leave nothing behind, and a client beside them loses nothing`, async () => {
    const { house, target } = await open();
    const report = await flood(target, { refusals: REFUSALS, warmUp: REFUSALS / 5 });
    house.clock.stop();
    const { suspicious, before, after } = report;
    console.log(summary(report));
    expect(suspicious.slice(0, 20)).toEqual([]);
    expect(report.messages).toBeGreaterThan(REFUSALS / 100);
    // Code that is compiled while it runs hot is all that may still come; one small object for every frame would be far more.
    expect(after.objects).toBeLessThan(before.objects * 1.05 + 2000);
    expect(after.heap).toBeLessThan(before.heap * 1.1 + MiB);
    expect(after.buffers).toBeLessThan(before.buffers + 8 * MiB);
    // Garbage of the last moments included.
    expect(after.rss).toBeLessThan(before.rss + 256 * MiB);
  }, 120_000);

  test("plugins that look at everything come to no harm either", async () => {
    const { house, target } = await open();
    house.install(curious);
    const report = await flood(target, { refusals: REFUSALS / 20, warmUp: REFUSALS / 20 });
    house.clock.stop();
    console.log(summary(report));
    expect(report.suspicious.slice(0, 20)).toEqual([]);
    expect(house.seam.record("test").errors).toBe(0);
  }, 120_000);
});

function summary({ frames, connections, refused, messages, before, after }: Report): string {
  const size = ({ objects, heap, buffers, rss }: Memory): string =>
    `${objects} objects, ${(heap / MiB).toFixed(1)} MiB in the heap, ${(buffers / MiB).toFixed(1)} MiB in buffers, RSS ${(rss / MiB).toFixed(0)} MiB`;
  return `  ${frames} malformed frames over ${connections} connections, ${refused} refused; ${messages} messages beside them; ${size(before)} → ${size(after)}`;
}
