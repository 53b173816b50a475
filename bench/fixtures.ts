/**
 * How well fixtures keep their rate: `bun bench/fixtures.ts [--seconds 30] [--rates 100,1000,10000,50000]`.
 * For each rate one run of its own process, split over all three protocols; what counts is the
 * acknowledged messages between the first second and the last. Prints the deviation and the processor time.
 */
import { parseArgs } from "node:util";
import { start } from "../src/app.ts";
import { DEFAULTS } from "../src/config/config.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    rates: { type: "string", default: "10,1000,10000,50000" },
    one: { type: "string" },
  },
});
const seconds = Number(values.seconds);

if (values.one !== undefined) await measure(Number(values.one));
else {
  for (const rate of values.rates.split(",")) {
    await Bun.spawn([process.execPath, import.meta.path, "--one", rate, "--seconds", String(seconds)], {
      stdout: "inherit",
      stderr: "inherit",
    }).exited;
  }
}

/** Half of it Kafka with the payload of a shop's order, a quarter MQTT, a quarter AMQP. */
async function measure(rate: number): Promise<void> {
  const config = structuredClone(DEFAULTS);
  config.seed = 1;
  config.admin.enabled = false;
  for (const protocol of ["kafka", "mqtt", "amqp"] as const) config[protocol].port = 0;
  config.mqtt.websocket_port = 0;
  // What nobody reads must not fill the memory.
  config.kafka.topics = { orders: { partitions: 6, retention_bytes: 16 * 1024 * 1024 } };
  const havoq = await start(config);
  const text = (share: number, more: string): string => `${more}, "rate_per_second": ${rate * share} }`;
  const order =
    '{ "id": "{{uuid}}", "n": "{{seq}}", "name": "{{faker.name}}", "email": "{{faker.email}}", "total": "{{rand.float 5 500 2}}", "at": "{{now}}" }';
  const small = '{ "zone": "{{pick 1 2 3}}", "celsius": "{{rand.float 18 26 1}}", "at": "{{now}}" }';
  await havoq.fixtures.loadFiles([
    {
      file: "k.json",
      protocol: "kafka",
      text: `{ "topic": "orders", "key": "{{uuid}}", "value": ${order}, "auto_produce": ${text(0.5, '{ "enabled": true')} }`,
    },
    {
      file: "m.json",
      protocol: "mqtt",
      text: `{ "topic": "sensors/{{pick 1 2 3}}", "payload": ${small}, "auto_publish": ${text(0.25, '{ "enabled": true')} }`,
    },
    {
      file: "a.json",
      protocol: "amqp",
      text: `{ "queues": [{ "name": "q", "arguments": { "x-max-length": 10000 } }], "routing_key": "q", "message_template": ${small}, "auto_publish": ${text(0.25, '{ "enabled": true')} }`,
    },
  ]);
  const sent = (): number => havoq.fixtures.list().reduce((sum, one) => sum + one.sent, 0);
  await Bun.sleep(1000);
  const [before, since, cpu] = [sent(), performance.now(), process.cpuUsage()];
  await Bun.sleep(seconds * 1000);
  const per = ((sent() - before) * 1000) / (performance.now() - since);
  const used = process.cpuUsage(cpu);
  const off = (per / rate - 1) * 100;
  const refused = havoq.fixtures.list().reduce((sum, one) => sum + one.refused, 0);
  console.log(
    `${String(rate).padStart(6)}/s wanted  ${per.toFixed(1).padStart(9)}/s sent  ${off >= 0 ? "+" : ""}${off.toFixed(2)} %  ` +
      `${((used.user + used.system) / 10_000 / seconds).toFixed(0)} % of a core  ${refused} refused`,
  );
  await havoq.stop();
}
