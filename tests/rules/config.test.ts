/** `chaos:` in havoq.yaml: in force from the start; a bad rule stops the start with file and line. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { start } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";

const folder = mkdtempSync(join(tmpdir(), "havoq-rules-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function configOf(text: string) {
  const file = join(folder, "havoq.yaml");
  await Bun.write(file, text);
  return loadConfig({ config: file, env: {} });
}
const PORTS = "seed: 1\nkafka: { port: 0 }\nmqtt: { port: 0 }\namqp: { port: 0 }\nadmin: { enabled: false }\n";

test("a real client meets them", async () => {
  const havoq = await start(
    await configOf(
      `${PORTS}chaos:\n  - name: loss\n    match: { protocol: mqtt, topic: "/^lossy/" }\n    when: { every: 2 }\n    fault: drop\n`,
    ),
    { print: () => undefined },
  );
  expect(havoq.rules.list()).toMatchObject([{ id: "loss", source: "file", fired: 0 }]);
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${havoq.addresses().mqtt!.port}`);
  const seen: string[] = [];
  const end = Promise.withResolvers<void>();
  client.on("message", (topic, payload) => (topic === "end" ? end.resolve() : void seen.push(payload.toString())));
  await client.subscribeAsync(["lossy", "end"]);
  for (const text of ["1", "2", "3", "4", "5"]) await client.publishAsync("lossy", text, { qos: 1 });
  await client.publishAsync("end", "");
  await end.promise;
  expect(seen).toEqual(["1", "3", "5"]);
  expect(havoq.rules.get("loss")).toMatchObject({ matched: 5, fired: 2 });
  await client.endAsync();
  await havoq.stop();
}, 20_000);

test("what is wrong is told with file, line and the nearest right word, all at once", async () => {
  const error = await configOf(
    `${PORTS}chaos:\n  - fault: dorp\n  - match: { topc: a }\n    fault:\n      latency:\n        mss: 1\n`,
  ).catch((thrown) => thrown);
  expect(error.message.split("\n").map((line: string) => line.slice(folder.length + 1))).toEqual([
    "havoq.yaml:7: chaos.0.fault.dorp: unknown fault dorp: did you mean drop?",
    "havoq.yaml:8: chaos.1.match.topc: unknown key topc: did you mean topic?",
  ]);
});
