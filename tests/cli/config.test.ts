/** `havoq config`, the flags of `serve` that say what is configured, and `havoq completion`. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { schemaText } from "../../build.ts";
import { startBinary } from "../support/binary.ts";
import { binary, ok, run, tree, unused } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "havoq-config-"));
for (const protocol of ["kafka", "amqp"]) mkdirSync(join(folder, "fixtures", protocol), { recursive: true });
const file = join(folder, "havoq.yaml");
await Bun.write(
  file,
  "host: 127.0.0.2\nkafka:\n  port: 1111\n  brokers: 2\nadmin: { enabled: false, token: secret }\namqp: { users: { me: pass }, memory_limit: 64MiB }\n",
);
afterAll(() => rmSync(folder, { recursive: true }));

const origins = (rows: { key: string; value: unknown; from: string }[]) =>
  Object.fromEntries(rows.map(({ key, value, from }) => [key, [value, from]]));

test("config tells every value, and where it came from", async () => {
  const flags = [
    "--config",
    file,
    "--kafka-port",
    "9999",
    "--mqtt-port",
    "1",
    "--mqtt-websocket-port",
    "2",
    "--amqp-port",
    "3",
    "--admin-port",
    "4",
    "--kafka-brokers",
    "5",
    "--host",
    "::1",
    "--seed",
    "6",
    "--plugins",
    "chaos",
    "--fixtures",
    join(folder, "fixtures"),
    "--admin",
  ];
  const found = origins(
    (await ok(["config", ...flags, "--json"], { env: { HAVOQ_KAFKA_PORT: "2222", HAVOQ_MQTT_KEEP_ALIVE_SECS: "30" } })).json,
  );
  expect(found).toMatchObject({
    host: ["::1", "--host"],
    seed: [6, "--seed"],
    "kafka.port": [9999, "--kafka-port"],
    "kafka.brokers": [5, "--kafka-brokers"],
    "mqtt.port": [1, "--mqtt-port"],
    "mqtt.websocket_port": [2, "--mqtt-websocket-port"],
    "amqp.port": [3, "--amqp-port"],
    "admin.port": [4, "--admin-port"],
    "admin.enabled": [true, "--admin"],
    "plugins.dir": ["chaos", "--plugins"],
    "kafka.fixtures_dir": [join(folder, "fixtures/kafka"), "--fixtures"],
    "amqp.fixtures_dir": [join(folder, "fixtures/amqp"), "--fixtures"],
    "mqtt.keep_alive_secs": [30, "HAVOQ_MQTT_KEEP_ALIVE_SECS"],
    "admin.token": ["(hidden)", `${file}:5`],
    "amqp.users": [{ me: "(hidden)" }, `${file}:6`],
    "amqp.memory_limit": [67_108_864, `${file}:6`],
    "amqp.frame_max": [131_072, "default"],
  });
  expect(found["mqtt.fixtures_dir"]).toBeUndefined();
  const { out } = await ok(["config", "--no-admin", "--metrics"], { env: { HAVOQ_CONFIG: file } });
  expect(out).toMatch(/^kafka\.max_request_size +100MiB +default$/m);
  expect(out).not.toContain("secret");
  expect(origins((await ok(["config", "--no-admin", "--json"])).json)["admin.enabled"]).toEqual([false, "--no-admin"]);
  expect(origins((await ok(["config", "--config", file, "--metrics", "--json"])).json)["admin.enabled"]).toEqual([true, "--metrics"]);
}, 60_000);

test("config --schema is the published one", async () => {
  expect((await ok(["config", "--schema"])).out).toBe(await schemaText());
}, 60_000);

test.each([
  [["--config", "none.yaml"], 1, "there is no file none.yaml"],
  [["--fixtures", "."], 1, "there is no folder kafka, mqtt or amqp in it"],
  [["--kafka-port", "70000"], 2, "70000 is not a port"],
] as const)(
  "%j exits with %d and says why, from serve too",
  async (args, code, message) => {
    for (const command of ["config", "serve"]) {
      const ran = await run([command, ...args]);
      expect(ran.err).toContain(message);
      expect(ran.code).toBe(code);
    }
  },
  60_000,
);

test("a mistyped variable stops the start", async () => {
  const ran = await run(["serve", "--quiet"], { env: { HAVOQ_KAFKA_PROT: "1" } });
  expect([ran.code, ran.err]).toEqual([1, "havoq: HAVOQ_KAFKA_PROT: no key of havoq.yaml is called so: did you mean HAVOQ_KAFKA_PORT?\n"]);
}, 60_000);

test("what the file and the environment say is what the brokers do", async () => {
  const yaml = join(folder, "serve.yaml");
  await Bun.write(
    yaml,
    "kafka:\n  topics:\n    orders: { partitions: 4, retention: 1h, config: { cleanup.policy: compact } }\n  auto_create_topics: false\nmqtt: { max_connections: 1 }\namqp: { users: { me: pass } }\n",
  );
  await using broker = await startBinary({ args: ["--config", yaml], env: { HAVOQ_AMQP_VHOSTS: "team" } });
  const server = ["--server", broker.kafka.brokers];
  const { config, partitions } = (await ok(["kafka", "topics", "describe", "orders", "--json", ...server])).json;
  expect(partitions).toHaveLength(4);
  expect(config).toEqual(
    expect.arrayContaining([
      { name: "cleanup.policy", value: "compact", set: true },
      { name: "retention.ms", value: "3600000", set: true },
    ]),
  );
  const unknown = await run(["kafka", "produce", "--topic", "order", "--value", "x", ...server]);
  expect([unknown.code, unknown.err]).toEqual([1, "havoq: there is no topic order: did you mean orders?\n"]);

  const only = await mqtt.connectAsync(broker.mqtt.url, { reconnectPeriod: 0 });
  expect((await run(["mqtt", "publish", "--topic", "a", "--payload", "x", "--server", new URL(broker.mqtt.url).host])).code).toBe(1);
  await only.endAsync();

  const amqp = ["amqp", "queue", "declare", "--name", "q", "--server", new URL(broker.amqp.url).host, "--vhost", "team"];
  expect((await run([...amqp])).err).toContain("the broker refuses the login");
  expect((await run([...amqp, "--username", "me", "--password", "pass"])).code).toBe(0);
}, 60_000);

/** What bash would offer for a line, the last word being completed. */
function offered(...words: string[]): string[] {
  const script = `eval "$(${binary} completion bash)"; COMP_WORDS=(havoq ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _havoq; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = Bun.spawnSync(["bash", "-c", script]);
  expect(stderr.toString()).toBe("");
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

test("bash completes commands and options at every place", async () => {
  await ok(["completion", "bash"]);
  expect(offered("")).toEqual(expect.arrayContaining(["serve", "kafka", "bench"]));
  expect(offered("kafka", "topics", "c")).toEqual(["create"]);
  expect(offered("kafka", "topic", "create", "orders", "--pa")).toEqual(["--partitions"]);
  // A value is no command.
  expect(offered("amqp", "publish", "--exchange", "queue", "--r")).toEqual(["--routing-key"]);
  expect(offered("kafka", "produce", "--topic", "")).toEqual([]);
  expect(offered("zzz", "q")).toEqual([]);
}, 60_000);

test("every shell is told every command and option", async () => {
  const visit = (command: ReturnType<typeof tree>, names: string[]): string[] => [
    ...command.options.map(({ long }) => long!),
    ...command.commands.flatMap((child) => [child.name(), ...child.aliases(), ...visit(child as never, names)]),
  ];
  const words = new Set(visit(tree(), []));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out } = await ok(["completion", shell]);
    const missing = [...words].filter((word) => !out.includes(shell === "fish" && word.startsWith("--") ? `-l ${word.slice(2)} ` : word));
    expect([shell, missing]).toEqual([shell, []]);
    const interpreter = Bun.which(shell);
    if (interpreter === null) console.warn(`skipped: ${shell} is not installed, its script was not parsed`);
    else expect(Bun.spawnSync([interpreter, "-n", "/dev/stdin"], { stdin: Buffer.from(out) }).exitCode).toBe(0);
  }
  expect((await run(["completion", "tcsh"])).code).toBe(2);
}, 60_000);

test("each help shows an example, and no command is without a description", async () => {
  const leaves: string[][] = [];
  const visit = (command: ReturnType<typeof tree>, path: string[]): void => {
    for (const child of command.commands) {
      expect([...path, child.name(), child.description() === ""]).toEqual([...path, child.name(), false]);
      leaves.push([...path, child.name()]);
      visit(child as never, [...path, child.name()]);
    }
  };
  visit(tree(), []);
  for (const path of leaves) {
    const { code, out } = await run([...path, "--help"]);
    expect([path.join(" "), code, /Examples?:\n {2}(\S+=\S+ |eval "\$\()?havoq /.test(out)]).toEqual([path.join(" "), 0, true]);
  }
}, 120_000);

test("no option of config or completion is left out", () => expect([...unused("config"), ...unused("completion")]).toEqual([]));
