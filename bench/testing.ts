// Time from `start()` of havoq/testing until an isolated broker has taken a message of a client of its own; and a hundred of them.
import { parseArgs } from "node:util";
import mqtt from "mqtt";
import { start, type TestHavoq } from "../src/testing/index.ts";
import { median, table } from "./lib/table.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "50" }, json: { type: "boolean", default: false } } });

const first = await timed(() => start());
await first.value.stop();
const started: number[] = [];
const served: number[] = [];
for (let run = 0; run < Number(values.runs); run++) {
  const begun = performance.now();
  const havoq = await start();
  started.push(performance.now() - begun);
  await message(havoq);
  served.push(performance.now() - begun);
  await havoq.stop();
}
const hundred = await timed(() => Promise.all(Array.from({ length: 100 }, () => start())));
await Promise.all(hundred.value.map(message));
await Promise.all(hundred.value.map((havoq) => havoq.stop()));

if (values.json) console.log(JSON.stringify({ milliseconds: { first: first.ms, started, served, hundred: hundred.ms } }, null, 2));
else {
  const row = (name: string, list: number[]): string[] => [
    name,
    median(list).toFixed(1),
    `${Math.min(...list).toFixed(1)} – ${Math.max(...list).toFixed(1)}`,
  ];
  console.log(
    table(
      ["", "median ms", "range"],
      [
        row("the first of a process, everything loaded for it", [first.ms]),
        row("one more, until it listens", started),
        row("… until a client's message is acknowledged", served),
        row("100 side by side, until all listen", [hundred.ms]),
      ],
      1,
    ),
  );
  console.log(`goal: an isolated broker in under 50 ms`);
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const begun = performance.now();
  const value = await work();
  return { ms: performance.now() - begun, value };
}

async function message(havoq: TestHavoq): Promise<void> {
  const client = await mqtt.connectAsync(havoq.mqtt.url, { clientId: "bench" });
  await client.publishAsync("t", "x", { qos: 1 });
  await client.endAsync();
}
