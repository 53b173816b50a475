/** `havoq bench` against the binary; the broker's own counters tell what really went over the wire. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Latencies } from "../../src/cli/bench/latencies.ts";
import { startBinary, type RunningBinary } from "../support/binary.ts";
import { benchAtRate, ok, run, unused } from "./support.ts";

let broker: RunningBinary;
beforeAll(async () => void (broker = await startBinary()), 60_000);
afterAll(() => broker?.stop());

const servers = { kafka: () => broker.kafka.brokers, mqtt: () => new URL(broker.mqtt.url).host, amqp: () => new URL(broker.amqp.url).host };

test.each(["kafka", "mqtt", "amqp"] as const)(
  "a rate over %s is kept to, and told",
  async (protocol) => {
    const args = ["--protocol", protocol, "--server", servers[protocol](), "--connections", "3", "--size", "1KiB"];
    const json = await benchAtRate(500, 1000, ...args, ...(protocol === "mqtt" ? ["--qos", "1"] : []));
    expect(json).toMatchObject({ protocol, connections: 3, size: 1024 });
    const { p50, p90, p99, max } = json.latencyMs;
    expect([p50, p90, p99, max].every((one, i, all) => one > 0 && (i === 0 || one >= all[i - 1]))).toBe(true);
  },
  60_000,
);

test("the messages go through the broker that is named", async () => {
  const before = (await ok(["mqtt", "stats", "--interval", "1ms", "--json", "--server", servers.mqtt()])).json;
  const { json } = await ok(["bench", "--protocol", "mqtt", "--server", servers.mqtt(), "--duration", "300ms", "--json"]);
  const after = (await ok(["mqtt", "stats", "--interval", "1ms", "--json", "--server", servers.mqtt()])).json;
  expect(json.sent).toBeGreaterThan(100);
  expect(after.received - before.received).toBeGreaterThanOrEqual(json.sent);
}, 60_000);

test("nothing is left behind", async () => {
  await ok(["bench", "--protocol", "kafka", "--server", servers.kafka(), "--duration", "200ms", "--json"]);
  expect((await ok(["kafka", "topics", "list", "--json", "--server", servers.kafka()])).json).toEqual([]);
}, 60_000);

test("without --server a broker is started for it", async () => {
  const { out } = await run(["bench", "--protocol", "amqp", "--rate", "200", "--duration", "500ms"]);
  expect(out).toMatch(/^broker +amqp, started for it$/m);
  expect(out).toMatch(/^messages +100 sent, 100 received, 100 bytes each/m);
  expect(out).toMatch(/^latency +p50 [\d.]+ ms/m);
}, 60_000);

test("a rate that is not held is a failure", async () => {
  const ran = await run(["bench", "--protocol", "amqp", "--rate", "50000000", "--duration", "200ms", "--json"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("the rate was not held");
  expect(ran.json.held).toBe(false);
}, 60_000);

test.each([
  [["--protocol", "stomp"], 2, "It is kafka, mqtt or amqp"],
  [["--size", "3"], 2, "--size is 8 at least"],
  [["--server", "127.0.0.1:1"], 1, "nothing listens on 127.0.0.1:1"],
  [["--duration", "soon"], 2, "soon is not a duration"],
] as const)(
  "%j exits with %d and says why",
  async (args, code, message) => {
    const ran = await run(["bench", ...args]);
    expect(ran.err).toContain(message);
    expect(ran.code).toBe(code);
  },
  60_000,
);

test("the wrong port is told for what it is", async () => {
  expect((await run(["bench", "--protocol", "kafka", "--server", servers.mqtt()])).err).toContain("is an MQTT broker, not a Kafka broker");
}, 60_000);

test("percentiles are exact", () => {
  const latencies = new Latencies();
  expect(latencies.percentile(0.5)).toBeNull();
  for (let i = 100_000; i >= 1; i--) latencies.add(i);
  expect([0.5, 0.9, 0.99, 0.999, 1].map((share) => latencies.percentile(share))).toEqual([50_000, 90_000, 99_000, 99_900, 100_000]);
});

test("no option of havoq bench is left out", () => expect(unused("bench")).toEqual([]));
