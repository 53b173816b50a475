/** `havoq gateway` in front of real brokers: clients' messages pass unchanged, and rules fire as in front of havoq's own. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKafka } from "../../bench/peers/kafka.ts";
import { startMosquitto } from "../../bench/peers/mosquitto.ts";
import { NotInstalled, type Peer } from "../../bench/peers/peer.ts";
import { canonical, parseJournal } from "../../src/journal/journal.ts";
import { skipVisibly } from "../clients/program.ts";
import { type RunningBinary, startBinary } from "../support/binary.ts";

const folder = mkdtempSync(join(tmpdir(), "havoq-gateway-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const THOUSAND = Array.from({ length: 1000 }, (_, i) => `message ${i} ${"x".repeat(i % 97)}`);

/** Null where it is not installed here, which a machine of CI must not say. */
async function real(start: () => Promise<Peer>): Promise<Peer | null> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof NotInstalled) || process.env.CI) throw error;
    console.warn(`skipped: ${error.message}`);
    return null;
  }
}

let files = 0;
const path = (name: string): string => join(folder, `${++files}-${name}`);

/** Runs a command to its end with lines as its input, and answers with what it printed. */
async function ran(command: string[], input: readonly string[] = []): Promise<string> {
  const child = Bun.spawn(command, { stdin: new Blob(input.map((line) => `${line}\n`)), stdout: "pipe", stderr: "pipe" });
  const timer = setTimeout(() => child.kill(), 60_000);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}\n${out}${err}`);
  return out;
}

/** What fired while `work` ran, in front of `upstream` or of havoq's own broker. */
async function journalOf(
  protocol: "kafka" | "mqtt",
  rules: object[],
  upstream: string | null,
  work: (broker: RunningBinary) => Promise<void>,
): Promise<string[]> {
  const [config, journal] = [path("havoq.yaml"), path("journal.jsonl")];
  writeFileSync(config, JSON.stringify({ chaos: rules, ...(protocol === "kafka" ? { kafka: { default_partitions: 1 } } : {}) }));
  const args = ["--seed", "9", "--config", config, "--journal", journal, ...(upstream === null ? [] : [`--${protocol}`, upstream])];
  const broker = await startBinary({ command: upstream === null ? "serve" : "gateway", args });
  try {
    await work(broker);
  } finally {
    await broker.stop();
  }
  const entries = parseJournal(await Bun.file(journal).text()).filter((line) => "verdict" in line);
  expect(entries.length).toBeGreaterThan(0);
  return canonical(entries as never);
}

if (!Bun.which("kcat") || !Bun.which("mosquitto_pub")) skipVisibly("kcat or mosquitto_pub not found: run tests/clients/install apt");
else {
  test("Mosquitto: 1,000 messages at QoS 1 pass unchanged, and rules fire as in front of our own", async () => {
    const mosquitto = await real(() => startMosquitto());
    if (mosquitto === null) return;
    await using _ = mosquitto;
    const upstream = `127.0.0.1:${mosquitto.port}`;
    await using gateway = await startBinary({ command: "gateway", args: ["--mqtt", upstream] });
    const port = new URL(gateway.mqtt.url).port;
    const reader = ran(["mosquitto_sub", "-p", port, "-t", "all/#", "-q", "1", "-C", "1000", "-i", "reader"]);
    await Bun.sleep(500); // mosquitto_sub does not say when it is subscribed
    await ran(["mosquitto_pub", "-p", port, "-t", "all/of/them", "-q", "1", "-l", "-i", "writer"], THOUSAND);
    expect((await reader).trimEnd().split("\n")).toEqual(THOUSAND);

    const rules = [
      { name: "late", match: { protocol: "mqtt", topic: "slow/#" }, when: { probability: 0.5 }, fault: { latency: { ms: 5 } } },
      { name: "silent", match: { protocol: "mqtt", operation: "PUBACK" }, when: { nth: 3 }, fault: "lose-answer" },
    ];
    const work = async (broker: RunningBinary): Promise<void> => {
      const { port: to } = new URL(broker.mqtt.url);
      const lines = THOUSAND.slice(0, 10);
      const got = ran(["mosquitto_sub", "-p", to, "-t", "slow/#", "-q", "1", "-C", "10", "-i", "reader"]);
      await Bun.sleep(500);
      for (const line of lines) {
        const child = Bun.spawn(["mosquitto_pub", "-p", to, "-t", "slow/t", "-q", "1", "-i", "writer", "-m", line], {
          stdout: "ignore",
          stderr: "ignore",
        });
        // The one that gets no answer waits for it.
        await Promise.race([child.exited, Bun.sleep(1000)]);
        child.kill();
        await child.exited;
      }
      expect((await got).trimEnd().split("\n")).toEqual(lines);
    };
    expect(await journalOf("mqtt", rules, upstream, work)).toEqual(await journalOf("mqtt", rules, null, work));
  }, 120_000);

  test("Kafka: 1,000 records pass unchanged, and rules fire as in front of our own", async () => {
    const kafka = await real(startKafka);
    if (kafka === null) return;
    await using _ = kafka;
    const upstream = `127.0.0.1:${kafka.port}`;
    await using gateway = await startBinary({ command: "gateway", args: ["--kafka", upstream] });
    const { brokers } = gateway.kafka;
    const described = await ran(["kcat", "-b", brokers, "-L"]);
    expect(described).toContain(`at ${brokers}`);
    expect(described).not.toContain(upstream);
    await ran(["kcat", "-b", brokers, "-P", "-t", "all", "-p", "0", "-X", "acks=all"], THOUSAND);
    const read = await ran(["kcat", "-b", brokers, "-C", "-t", "all", "-p", "0", "-o", "beginning", "-e", "-q"]);
    expect(read.trimEnd().split("\n")).toEqual(THOUSAND);

    const rules = [
      { name: "late", match: { protocol: "kafka", topic: "slow" }, when: { probability: 0.5 }, fault: { latency: { ms: 5 } } },
      { name: "silent", match: { protocol: "kafka", operation: "Produce" }, when: { nth: 3 }, fault: { "lose-answer": { cut: true } } },
    ];
    const topic = `slow`;
    const work = async (broker: RunningBinary): Promise<void> => {
      const to = broker.kafka.brokers.split(",")[0]!;
      // One request each, so that the third of them is the one without an answer.
      for (let i = 0; i < 6; i++) {
        await ran(
          ["kcat", "-b", to, "-P", "-E", "-t", topic, "-p", "0", "-X", "client.id=writer", "-X", "retry.backoff.ms=50", "-k", "k"],
          [`m${i}`],
        );
      }
    };
    const first = await journalOf("kafka", rules, upstream, work);
    expect(first).toEqual(await journalOf("kafka", rules, null, work));
  }, 180_000);
}
