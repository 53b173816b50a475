// What rules cost that match nothing of the load: the binary without rules against itself with a hundred.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { load } from "./lib/compare.ts";
import { median, table } from "./lib/table.ts";
import { startHavoq, type Protocol } from "./peers/havoq.ts";
import { freshFolder } from "./peers/process.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "7" },
    rules: { type: "string", default: "100" },
    case: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});

/** Rules of every kind, for other topics, clients, operations, payloads and headers than the load's. */
const KINDS: ((i: number) => object)[] = [
  (i) => ({
    match: { protocol: "kafka", operation: "Produce", topic: `payments-${i}.*`, client: "payment-*" },
    when: { probability: 0.2 },
    fault: "lose-answer",
  }),
  (i) => ({ match: { topic: `sensors/${i}/#` }, fault: { latency: { ms: "50ms" } } }),
  (i) => ({
    match: { protocol: "kafka", operation: "Produce", topic: `orders-${i}` },
    fault: { error: { code: "NOT_LEADER_OR_FOLLOWER" } },
  }),
  (i) => ({ match: { client: `nobody-${i}-*` }, fault: "drop" }),
  (i) => ({ match: { topic: `other-${i}`, payload: { json: { "$.customer.country": "DE" } } }, fault: "duplicate" }),
  (i) => ({ match: { exchange: `shop-${i}`, header: { kind: "test" } }, fault: "drop" }),
  (i) => ({ match: { protocol: "amqp", routingKey: `notification.${i}.*`, payload: "/urgent/i" }, fault: "duplicate" }),
  (i) => ({ match: { queue: `email-${i}`, direction: "out" }, fault: { latency: { ms: 10 } } }),
  (i) => ({ match: { operation: ["SUBSCRIBE", "JoinGroup", "queue.declare"], client: `c${i}-*` }, fault: "disconnect" }),
  (i) => ({ match: { topic: `/^audit-${i}-/`, size: "> 1MiB" }, when: { after: "100 messages", times: 5 }, fault: "drop" }),
];

const CASES: { protocol: Protocol; name: string; flags: Record<string, string | number> }[] = [
  { protocol: "mqtt", name: "MQTT QoS 0, 1 to 1", flags: {} },
  { protocol: "mqtt", name: "MQTT QoS 0, 1 to 10", flags: { subscribers: 10 } },
  { protocol: "amqp", name: "AMQP, no confirms", flags: {} },
  { protocol: "kafka", name: "Kafka produce, 16 KiB batches", flags: { mode: "produce", batch: 16384, window: 32 } },
  { protocol: "kafka", name: "Kafka fetch", flags: { mode: "fetch" } },
];

const config = join(freshFolder("rules"), "havoq.yaml");
await Bun.write(config, JSON.stringify({ chaos: Array.from({ length: Number(values.rules) }, (_, i) => KINDS[i % KINDS.length]!(i)) }));

const results = [];
for (const { protocol, name, flags } of CASES.filter((each) => each.name.includes(values.case))) {
  // The same without rules runs twice: how far those two lie apart is the noise of the machine.
  await using none = await startHavoq(protocol);
  await using again = await startHavoq(protocol);
  await using ruled = await startHavoq(protocol, undefined, ["--config", config]);
  const rate: number[] = [],
    cpu: number[] = [],
    noise: number[] = [],
    cpuNoise: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const samples = new Map<object, { rate: number; cpu: number }>();
    for (const server of round % 2 === 0 ? [ruled, none, again] : [again, none, ruled]) {
      const { messages, seconds, serverCpu } = await load(protocol, server, { ...flags, seconds: values.seconds, warmup: 1 });
      samples.set(server, { rate: messages / seconds, cpu: ((serverCpu ?? NaN) * seconds) / messages });
    }
    const [with_, without, twin] = [ruled, none, again].map((server) => samples.get(server)!);
    rate.push(with_!.rate / without!.rate);
    cpu.push(with_!.cpu / without!.cpu);
    noise.push(twin!.rate / without!.rate);
    cpuNoise.push(twin!.cpu / without!.cpu);
  }
  results.push({ case: name, rate, cpu, noise, cpuNoise });
}

if (values.json) console.log(JSON.stringify({ rules: Number(values.rules), results }, null, 2));
else {
  const spread = (ratios: number[]) =>
    `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)})`;
  console.log(`${values.rules} rules that match nothing, with / without: median (range)`);
  console.log(
    table(
      ["case", "rate", "CPU a message", "noise: rate", "noise: CPU a message"],
      results.map(({ case: name, rate, cpu, noise, cpuNoise }) => [name, spread(rate), spread(cpu), spread(noise), spread(cpuNoise)]),
      1,
    ),
  );
}
