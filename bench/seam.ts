// What the hook points cost when no plugin is interested: the binary against one built without them.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { load } from "./lib/compare.ts";
import { median, table } from "./lib/table.ts";
import { buildVariant } from "./lib/variant.ts";
import { startHavoq, type Protocol } from "./peers/havoq.ts";
import { freshFolder } from "./peers/process.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "7" },
    root: { type: "string", default: join(import.meta.dir, "..") },
    json: { type: "boolean", default: false },
  },
});

const CASES: { protocol: Protocol; name: string; flags: Record<string, string | number> }[] = [
  { protocol: "mqtt", name: "MQTT QoS 0, 1 to 1", flags: {} },
  { protocol: "amqp", name: "AMQP, no confirms", flags: {} },
  { protocol: "kafka", name: "Kafka produce, 16 KiB batches", flags: { mode: "produce", batch: 16384, window: 32 } },
];

if (!existsSync(join(values.root, "build.ts"))) {
  console.error(`skipped: there is no build.ts in ${values.root}`);
  process.exit(0);
}
const folder = freshFolder("seam");
const [full, bare] = [join(folder, "havoq"), join(folder, "havoq-without-seam")];
await buildVariant(values.root, full, { seam: true });
const removed = await buildVariant(values.root, bare, { seam: false });
if (removed === 0) throw new Error("no hook check was found in the sources: the comparison would say nothing");

const results = [];
for (const { protocol, name, flags } of CASES) {
  // The same binary runs twice: how far those two lie apart is the noise that the seam has to vanish in.
  await using seam = await startHavoq(protocol, full);
  await using again = await startHavoq(protocol, full);
  await using none = await startHavoq(protocol, bare);
  const cost: number[] = [];
  const noise: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const rates = new Map<object, number>();
    // Every second round goes backwards, so that no binary always runs after the same one.
    const order = round % 2 === 0 ? [seam, none, again] : [again, none, seam];
    for (const server of order) {
      const { messages, seconds } = await load(protocol, server, { ...flags, seconds: values.seconds, warmup: 1 });
      rates.set(server, messages / seconds);
    }
    cost.push(rates.get(seam)! / rates.get(none)!);
    noise.push(rates.get(seam)! / rates.get(again)!);
  }
  results.push({ case: name, cost, noise });
}

if (values.json) {
  console.log(JSON.stringify({ removed, results }, null, 2));
} else {
  const spread = (ratios: number[]) =>
    `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} – ${Math.max(...ratios).toFixed(3)})`;
  console.log(`${removed} hook checks taken out`);
  console.log(
    table(
      ["case", "with seam / without: median (range)", "noise: with seam / with seam"],
      results.map(({ case: name, cost, noise }) => [name, spread(cost), spread(noise)]),
      1,
    ),
  );
}
