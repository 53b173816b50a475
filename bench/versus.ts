// One binary against another under the same loads, in turn: `bun bench/versus.ts --before FILE`.
import { parseArgs } from "node:util";
import { load } from "./lib/compare.ts";
import { median, table } from "./lib/table.ts";
import { HAVOQ, startHavoq, type Protocol } from "./peers/havoq.ts";

const { values } = parseArgs({
  options: {
    before: { type: "string" },
    binary: { type: "string", default: HAVOQ },
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "7" },
    case: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
if (values.before === undefined) {
  console.error("bun bench/versus.ts --before FILE [--binary FILE] [--seconds 2] [--rounds 7] [--case TEXT] [--json]");
  process.exit(2);
}
const { before, binary } = values;

const CASES: { protocol: Protocol; name: string; flags: Record<string, string | number> }[] = [
  { protocol: "mqtt", name: "MQTT QoS 0, 1 to 1", flags: { subscribers: 1 } },
  { protocol: "mqtt", name: "MQTT QoS 0, 1 to 10", flags: { subscribers: 10 } },
  { protocol: "amqp", name: "AMQP, no confirms", flags: {} },
  { protocol: "kafka", name: "Kafka produce, 16 KiB batches", flags: { mode: "produce", batch: 16384, window: 32 } },
  { protocol: "kafka", name: "Kafka produce, 1 MiB batches", flags: { mode: "produce", batch: 1048576, window: 5 } },
  { protocol: "kafka", name: "Kafka fetch, 16 KiB batches", flags: { mode: "fetch", batch: 16384, window: 32 } },
];

const results = [];
for (const { protocol, name, flags } of CASES.filter((each) => each.name.includes(values.case))) {
  // The new binary runs twice: how far those two lie apart is the noise.
  await using now = await startHavoq(protocol, binary);
  await using again = await startHavoq(protocol, binary);
  await using then = await startHavoq(protocol, before);
  const rate: number[] = [];
  const cost: number[] = [];
  const noise: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const rates = new Map<object, number>();
    const costs = new Map<object, number>();
    // Every second round goes backwards, so that no binary always runs after the same one.
    for (const server of round % 2 === 0 ? [now, then, again] : [again, then, now]) {
      const { messages, seconds, serverCpu } = await load(protocol, server, { ...flags, seconds: values.seconds, warmup: 1 });
      rates.set(server, messages / seconds);
      costs.set(server, ((serverCpu ?? Number.NaN) * seconds) / messages);
    }
    rate.push(rates.get(now)! / rates.get(then)!);
    cost.push(costs.get(now)! / costs.get(then)!);
    noise.push(rates.get(now)! / rates.get(again)!);
  }
  results.push({ case: name, rate, cost, noise });
}

if (values.json) console.log(JSON.stringify(results, null, 2));
else {
  const spread = (ratios: number[]): string =>
    `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} – ${Math.max(...ratios).toFixed(3)})`;
  console.log(
    table(
      ["case", "messages/s, now / before: median (range)", "CPU a message, now / before", "noise: messages/s, now / now"],
      results.map(({ case: name, rate, cost, noise }) => [name, spread(rate), spread(cost), spread(noise)]),
      1,
    ),
  );
}
