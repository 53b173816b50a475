/** `havoq chaos`, `doctor` and `plugin list` against a binary that runs, their effect seen by real clients. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import mqtt from "mqtt";
import { parseJournal } from "../../src/journal/journal.ts";
import { journalFormat } from "../../src/journal/file.ts";
import { startBinary, type RunningBinary } from "../support/binary.ts";

const binary = resolve(import.meta.dirname, "../../dist/havoq");
let broker: RunningBinary;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "havoq-chaos-"));
  writeFileSync(
    join(folder, "noisy.ts"),
    `import { definePlugin } from "havoq";
export default definePlugin({ message: { match: { protocol: "mqtt", topic: "noisy" }, run: () => { throw new Error("as planned"); } } });\n`,
  );
  broker = await startBinary({ args: ["--seed", "5", "--plugins", folder] });
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]) {
  const { HAVOQ_ADMIN_URL: _, HAVOQ_ADMIN_TOKEN: __, ...env } = process.env;
  return Bun.spawn([binary, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: folder,
    env: { ...env, HAVOQ_ADMIN_URL: broker.admin.url, NO_COLOR: "1" },
  });
}

/** Runs a command to its end. */
async function havoq(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = run(...args);
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

/** What a subscriber gets of these messages until the last of them, which no rule concerns, has come. */
async function received(...topics: string[]): Promise<string[]> {
  const client = await mqtt.connectAsync(broker.mqtt.url);
  try {
    await client.subscribeAsync("#", { qos: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const got: string[] = [];
    client.on("message", (topic) => (topic === "last" ? resolve() : got.push(topic)));
    for (const topic of [...topics, "last"]) await client.publishAsync(topic, "x", { qos: 1 });
    await promise;
    return got;
  } finally {
    await client.endAsync();
  }
}

describe("havoq chaos", () => {
  test("add, list, remove", async () => {
    expect(await received("a/1", "b/1")).toEqual(["a/1", "b/1"]);
    const added = await havoq("chaos", "add", "--fault", "drop", "--name", "lossy", "--protocol", "mqtt", "--match", "topic=a/*");
    expect([added.code, added.out, added.err]).toEqual([0, "✓ lossy is in force\n", ""]);
    expect(await received("a/1", "b/1")).toEqual(["b/1"]);

    const listed = await havoq("chaos", "list", "--json");
    expect(JSON.parse(listed.out)).toEqual([expect.objectContaining({ id: "lossy", fired: 1, matched: 1, enabled: true, source: "api" })]);
    expect((await havoq("chaos", "list")).out).toMatch(/^ID +FAULT[^]*lossy +\{"drop":\{\}\} +.*in force/);

    expect((await havoq("chaos", "remove", "lossy")).code).toBe(0);
    expect(await received("a/1", "b/1")).toEqual(["a/1", "b/1"]);
    const again = await havoq("chaos", "remove", "lossy");
    expect([again.code, again.err]).toEqual([1, "havoq: there is no rule lossy\n"]);
  }, 30_000);

  test("options of faults and of when", async () => {
    await havoq("chaos", "add", "--fault", "duplicate", "--with", "times=2", "--match", "topic=twice", "--times", "1");
    expect(await received("twice", "twice")).toEqual(["twice", "twice", "twice", "twice"]);
    expect((await havoq("chaos", "clear")).out).toBe("✓ 1 rule removed\n");

    await havoq("chaos", "add", "--fault", "drop", "--match", "topic=second", "--every", "2");
    expect(await received("second", "second", "other", "second", "second", "other")).toEqual(["second", "other", "second", "other"]);
    await havoq("chaos", "clear");
    await havoq("chaos", "add", "--fault", "drop", "--match", "topic=never", "--probability", "0");
    await havoq("chaos", "add", "--fault", "drop", "--match", "topic=ever", "--probability", "1");
    expect(await received("never", "ever", "never")).toEqual(["never", "never"]);
    await havoq("chaos", "clear");
  }, 30_000);

  test("apply puts a file in force, and again its new version", async () => {
    const file = join(folder, "flaky.yaml");
    writeFileSync(file, "chaos:\n  - name: no c\n    match: { protocol: mqtt, topic: c }\n    fault: { drop: {} }\n");
    expect((await havoq("chaos", "apply", file)).out).toBe("✓ no c is in force\n");
    expect(await received("c", "d")).toEqual(["d"]);
    writeFileSync(file, "- name: no d\n  match: { protocol: mqtt, topic: d }\n  fault: { drop: {} }\n");
    expect((await havoq("chaos", "apply", file)).out).toContain("✓ no d is in force\n");
    expect(await received("c", "d")).toEqual(["c"]);
    expect(JSON.parse((await havoq("chaos", "clear", "--json")).out)).toEqual({ removed: 1 });
    expect(await received("c", "d")).toEqual(["c", "d"]);
  }, 30_000);

  test("journal shows what fired, writes it to a file, and follows", async () => {
    await havoq("chaos", "add", "--fault", "drop", "--name", "heard", "--match", "topic=j");
    await received("j");
    const entries = (await havoq("chaos", "journal", "--json", "--rule", "heard")).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(entries).toEqual([expect.objectContaining({ protocol: "mqtt", name: "j", verdict: "drop" })]);
    expect((await havoq("chaos", "journal", "--limit", "1")).out).toContain("heard");
    for (const name of ["run.jsonl", "run.msgpack"]) {
      await havoq("chaos", "journal", "--output", name);
      const lines = journalFormat(name).parse(await Bun.file(join(folder, name)).bytes());
      expect([name, lines[0], lines.length > 1]).toEqual([name, expect.objectContaining({ seed: 5 }), true]);
    }
    expect(parseJournal(await Bun.file(join(folder, "run.jsonl")).text()).at(-1)).toEqual(
      expect.objectContaining({ verdict: "drop", name: "j" }),
    );

    // Once it has shown what there was, it misses nothing of what comes.
    const following = run("chaos", "journal", "--follow", "--json", "--limit", "1", "--count", "3");
    const lines: { n: number }[] = [];
    let sent: Promise<unknown> | null = null;
    let text = "";
    for await (const chunk of following.stdout) {
      text += new TextDecoder().decode(chunk);
      sent ??= received("j", "j");
    }
    await sent;
    for (const line of text.trim().split("\n")) lines.push(JSON.parse(line));
    expect([await following.exited, lines.map(({ n }) => n - lines[0]!.n)]).toEqual([0, [0, 1, 2]]);
    await havoq("chaos", "clear");
  }, 30_000);

  test("what is wrong is said with the place and the nearest right word", async () => {
    const wrong = await havoq("chaos", "add", "--fault", "latncy");
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("did you mean latency?")]);
    const file = join(folder, "bad.yaml");
    writeFileSync(file, "chaos:\n  - match: { topc: x }\n    fault: { drop: {} }\n");
    const bad = await havoq("chaos", "apply", file);
    expect([bad.code, bad.err]).toEqual([1, expect.stringMatching(/bad\.yaml:2: .*did you mean topic\?/)]);
    expect((await havoq("chaos", "apply", "missing.yaml")).err).toBe("havoq: there is no file missing.yaml\n");
    expect((await havoq("chaos", "add")).code).toBe(2);
    expect(JSON.parse((await havoq("chaos", "list", "--json")).out)).toEqual([]);
  }, 30_000);

  test("who answers instead is said", async () => {
    const port = (url: string): string => new URL(url.replace(/^\w+:/, "http:")).port;
    const cases = [
      [`127.0.0.1:${port(broker.mqtt.url)}`, "that is an MQTT broker, not the HTTP API"],
      [`127.0.0.1:${port(broker.amqp.url)}`, "that is an AMQP broker, not the HTTP API"],
      [broker.kafka.brokers, "that is a Kafka broker, not the HTTP API"],
      ["http://127.0.0.1:1", "nothing listens there"],
    ] as const;
    for (const [server, said] of cases) {
      const { code, err } = await havoq("chaos", "list", "--server", server);
      expect([server, code, err]).toEqual([server, 1, expect.stringContaining(said)]);
      expect(err).toContain("havoq serve");
    }
  }, 60_000);
});

test("havoq plugin list tells what is loaded and what failed", async () => {
  await received("noisy");
  const [noisy] = JSON.parse((await havoq("plugin", "list", "--json")).out).filter(({ name }: { name: string }) => name === "noisy");
  expect(noisy).toEqual(expect.objectContaining({ file: expect.stringContaining("noisy.ts"), errors: 1, off: false, hooks: ["message"] }));
  expect((await havoq("plugin", "list")).out).toMatch(/^NAME[^]*noisy +message +/);
}, 30_000);

describe("havoq doctor", () => {
  test("says what is wrong with a broker that runs, and exits with 1", async () => {
    await received("noisy");
    const { code, out } = await havoq("doctor");
    expect([code, out]).toEqual([1, expect.stringContaining("✗ plugin noisy:")]);
    expect(out).toContain(`✓ mqtt ${new URL(broker.mqtt.url).host}: an MQTT broker`);
    expect(out).toContain(`✓ amqp ${new URL(broker.amqp.url).host}: an AMQP broker`);
    expect(out).toContain(`✓ kafka ${broker.kafka.brokers}: a Kafka broker`);
    expect(out).toMatch(/✓ Kafka broker 1, advertised as .*: clients reach it/);
  }, 60_000);

  test("finds nothing wrong with a healthy one, until its broker is killed", async () => {
    await using healthy = await startBinary();
    const ask = async (): Promise<{ code: number; report: any }> => {
      const { code, out } = await havoq("doctor", "--json", "--admin", healthy.admin.url);
      return { code, report: JSON.parse(out) };
    };
    expect(await ask()).toEqual({ code: 0, report: expect.objectContaining({ ok: true }) });
    await fetch(`${healthy.admin.url}/api/control/killBroker`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"broker":1}',
    });
    const { code, report } = await ask();
    expect([code, report.ok]).toEqual([1, false]);
    const wrong = report.findings.filter(({ ok }: { ok: boolean }) => !ok).map(({ found }: { found: string }) => found);
    expect(wrong).toEqual(["kafka: no broker is up", "nothing listens there", "it is down"]);
  }, 60_000);

  test("says where nothing listens, and where somebody else does", async () => {
    const file = join(folder, "elsewhere.yaml");
    const port = (url: string): number => Number(new URL(url).port);
    writeFileSync(file, `kafka: { port: ${port(broker.mqtt.url)} }\nmqtt: { port: 1 }\namqp: { enabled: false }\n`);
    const { code, out } = await havoq("doctor", "--admin", "http://127.0.0.1:1", "--config", file);
    expect(code).toBe(1);
    expect(out).toContain("✗ HTTP API: http://127.0.0.1:1: nothing listens there");
    expect(out).toContain(`✗ kafka 127.0.0.1:${port(broker.mqtt.url)}: that is an MQTT broker, not a Kafka broker`);
    expect(out).toContain("✗ mqtt 127.0.0.1:1: nothing listens there");
    expect(out).not.toContain("amqp");
  }, 60_000);
});
