import { describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { DEFAULTS } from "../../src/config/config.ts";
import { allKeys } from "../../src/config/keys.ts";
import { ConfigError, layer, parseConfig } from "../../src/config/layers.ts";
import { explainConfig, loadConfig } from "../../src/config/load.ts";
import { SCHEMA_FILE, schemaText } from "../../build.ts";
import { schema } from "../../src/config/schema.ts";
import faults from "../../src/rules/faults/index.ts";
import presets from "../../src/rules/presets/index.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../src/core/units.ts";

const root = resolve(import.meta.dirname, "../..");

/** The message of the error that a configuration brings; null when it is taken. */
function refused(text: string): string | null {
  try {
    parseConfig(text, "havoq.yaml");
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
}

describe("havoq.yaml", () => {
  test("an empty one holds the defaults", () => {
    expect(parseConfig("", "havoq.yaml")).toEqual(DEFAULTS);
    expect(schema.parse({})).toEqual(DEFAULTS);
  });

  test("the page that describes it shows the defaults, and every key", async () => {
    const page = await Bun.file(join(root, "docs/CONFIGURATION.md")).text();
    const shown = /```yaml\n([^]*?)```/.exec(page)![1]!;
    const topics = [...page.matchAll(/```yaml\n([^]*?)```/g)][1]![1]!;
    expect(parseConfig(topics, "docs").kafka.topics.customers!.config).toEqual({
      "cleanup.policy": "compact",
      "max.message.bytes": "2000000",
    });
    expect(parseConfig(shown, "docs")).toEqual(DEFAULTS);
    // What has no default stands there as a comment.
    const all = shown.replace(/^( *)# (\w+:)/gm, "$1$2");
    expect(refused(all)).toBeNull();
    const named = new Set([...all.matchAll(/(\w+):/g)].map((match) => match[1]));
    const missing = Object.entries(schema.shape).flatMap(([name, part]) => {
      let inner: any = part;
      while (inner.def?.innerType !== undefined) inner = inner.def.innerType;
      return [name, ...Object.keys(inner.shape ?? {})].filter((key) => !named.has(key));
    });
    expect(missing).toEqual([]);
  });

  test.each([
    ["kafka:\n  brokesr: 3\n", "havoq.yaml:2: unknown key kafka.brokesr: did you mean brokers?"],
    ["kafak: {}\n", "havoq.yaml:1: unknown key kafak: did you mean kafka?"],
    [
      "kafka:\n  topics:\n    orders: { partitons: 6 }\n",
      "havoq.yaml:3: unknown key kafka.topics.orders.partitons: did you mean partitions?",
    ],
    ["host: a\n\nmqtt:\n  max_packet_size: 12 parsecs\n", 'havoq.yaml:4: mqtt.max_packet_size: expected a size such as "512KiB" or "1MiB"'],
    ["amqp: { port: 99999 }\n", "havoq.yaml:1: amqp.port: Too big"],
    ["amqp: { vhosts: [] }\n", "havoq.yaml:1: amqp.vhosts: Too small"],
    ["admin: { zzz: 1 }\n", "havoq.yaml:1: unknown key admin.zzz: known keys: enabled, port, host, token"],
    ["kafka: [\n", "havoq.yaml:2: "],
  ])("%j is an error with line and key", (text, message) => expect(refused(text)).toStartWith(message));

  test("every problem is told at once", () => expect(refused("a: 1\nb: 2\n")!.split("\n").length).toBe(2));
});

/** The message of the error that sources bring. */
function wrong(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing wrong";
}

describe("layers", () => {
  const text = "kafka:\n  port: 1\n  brokers: 2\nmqtt: { port: 3 }\n";
  test("a flag goes before the environment, that before the file, that before the default", () => {
    const { config, origin } = layer({
      text,
      file: "f.yaml",
      env: { HAVOQ_KAFKA_PORT: "11", HAVOQ_KAFKA_BROKERS: "12", HOME: "x" },
      settings: [{ key: "kafka.port", value: 21, from: "--kafka-port" }],
    });
    expect([config.kafka.port, config.kafka.brokers, config.mqtt.port, config.amqp.port]).toEqual([21, 12, 3, 5672]);
    expect(
      [
        ["kafka", "port"],
        ["kafka", "brokers"],
        ["mqtt", "port"],
        ["amqp", "port"],
      ].map(origin),
    ).toEqual(["--kafka-port", "HAVOQ_KAFKA_BROKERS", "f.yaml:4", "default"]);
  });

  test("every key can be a variable", () => {
    const values: Record<string, [string, unknown]> = {
      host: ["0.0.0.0", "0.0.0.0"],
      "tls.cert": ["a.pem", "a.pem"],
      "tls.key": ["k.pem", "k.pem"],
      "kafka.advertised_host": ["broker", "broker"],
      "kafka.topics": ["{ a: { partitions: 2 } }", { a: { partitions: 2 } }],
      "amqp.vhosts": ["/,b", ["/", "b"]],
      "amqp.users": ["{ a: b }", { a: "b" }],
      "amqp.frame_max": ["8192", 8192],
      "plugins.options": ['{ "a": 1 }', { a: 1 }],
      "admin.host": ["::", "::"],
      "admin.token": ["123", "123"],
      "plugins.dir": ["p", "p"],
      ...Object.fromEntries(
        ["kafka", "mqtt", "amqp"].flatMap((one) => [
          [`${one}.enabled`, ["false", false]],
          [`${one}.fixtures_dir`, ["f", "f"]],
          [`${one}.upstream`, ["broker:1", "broker:1"]],
        ]),
      ),
      "admin.enabled": ["false", false],
      "kafka.auto_create_topics": ["false", false],
      chaos: ["[{ fault: drop }]", [{ fault: "drop" }]],
      triggers: ["true", true],
      oracle: ["true", true],
    };
    for (const { path, variable, unit } of allKeys()) {
      const key = path.join(".");
      const [given, read] = values[key] ?? (unit === "duration" ? ["3s", 3000] : unit === "size" ? ["2KiB", 2048] : ["7", 7]);
      // TLS is both or none.
      const rest = key.startsWith("tls.") ? { HAVOQ_TLS_CERT: "x", HAVOQ_TLS_KEY: "x" } : {};
      const { config, origin } = layer({ env: { ...rest, [variable]: given } });
      expect([key, path.reduce((at: any, step) => at[step], config)]).toEqual([key, read]);
      expect(origin(path)).toBe(variable);
    }
    expect(allKeys().length).toBeGreaterThan(40);
  });

  test.each([
    [{ HAVOQ_KAFKA_PROT: "1" }, "HAVOQ_KAFKA_PROT: no key of havoq.yaml is called so: did you mean HAVOQ_KAFKA_PORT?"],
    [{ HAVOQ_KAFKA_PORT: "x" }, "HAVOQ_KAFKA_PORT: kafka.port: Invalid input: expected number, received string"],
    [
      { HAVOQ_MQTT_MAX_PACKET_SIZE: "much" },
      'HAVOQ_MQTT_MAX_PACKET_SIZE: mqtt.max_packet_size: expected a size such as "512KiB" or "1MiB"',
    ],
    [
      { HAVOQ_KAFKA_TOPICS: "{ a: { partitons: 1 } }" },
      "HAVOQ_KAFKA_TOPICS: unknown key kafka.topics.a.partitons: did you mean partitions?",
    ],
    [{ HAVOQ_KAFKA_TOPICS: "{" }, "HAVOQ_KAFKA_TOPICS: "],
  ])("%j is an error that names the variable", (env, message) => expect(wrong(() => layer({ env }))).toStartWith(message));

  test("variables that are none of ours are left alone", () => {
    expect(layer({ env: { HAVOQ_TEST_SEED: "1", HAVOQ_ADMIN_URL: "u", HAVOQ_KAFKA_SERVICE_HOST: "10.0.0.1" } }).config).toEqual(DEFAULTS);
  });

  test("a section with nothing in it is the default", () => expect(parseConfig("kafka:\nmqtt:\n", "f")).toEqual(DEFAULTS));

  test("flags alone give the same with and without the schema", async () => {
    const settings = [
      { key: "kafka.port", value: 5, from: "--kafka-port" },
      { key: "mqtt.port", value: 0, from: "--mqtt-port" },
    ];
    const quick = await loadConfig({ settings, env: {} });
    expect(quick).toEqual((await explainConfig({ settings, env: {} })).config);
    expect([quick.kafka.port, quick.mqtt.websocket_port]).toEqual([5, 0]);
  });

  test("a topic configuration that Kafka does not know is named with its line", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "havoq-config-")), "h.yaml");
    await Bun.write(file, "kafka:\n  topics:\n    a:\n      config:\n        cleanup.polcy: compact\n    b: { replication_factor: 3 }\n");
    const error = await explainConfig({ config: file, env: {} }).catch((one: Error) => one.message);
    expect(error).toBe(
      `${file}:5: kafka.topics.a.config.cleanup.polcy: unknown topic configuration cleanup.polcy: did you mean cleanup.policy?\n` +
        `${file}:6: kafka.topics.b.replication_factor: 3 replicas need as many brokers, and there are 1`,
    );
  });
});

describe("the JSON Schema", () => {
  test("is not stale (bun build.ts --indexes writes it)", async () => {
    expect(await Bun.file(join(root, SCHEMA_FILE)).text()).toBe(await schemaText());
  });

  test("knows every key, and what it is for where the name does not say", async () => {
    const { properties } = JSON.parse(await schemaText());
    for (const { path } of allKeys()) {
      const found = path.reduce((at: any, step) => at?.properties?.[step], { properties });
      expect([path.join("."), found !== undefined]).toEqual([path.join("."), true]);
    }
    expect(properties.kafka.properties.topics.additionalProperties.additionalProperties).toBe(false);
    expect(JSON.stringify(properties.mqtt.properties.max_packet_size)).toContain("[kKmMgG]");
  });

  test("knows rules: the matches, the moments, each fault and preset with its options", async () => {
    const { properties, definitions } = JSON.parse(await schemaText());
    expect(properties.chaos.items).toEqual({ $ref: "#/definitions/Rule" });
    const { properties: fields } = definitions.Rule;
    expect(fields.fault.anyOf[1].properties.error).toMatchObject({ required: ["code"], description: expect.stringContaining("code") });
    expect(fields.fault.anyOf[0].enum).toEqual(faults.map(({ name }) => name));
    expect(fields.preset.anyOf[0].enum).toEqual(presets.map(({ name }) => name));
    expect([fields.match, fields.when.properties.after]).toEqual([{ $ref: "#/definitions/Match" }, { $ref: "#/definitions/Moment" }]);
    expect(Object.keys(definitions.Match.properties)).toContain("routingKey");
  });

  test("takes the rules that docs/CHAOS.md shows", async () => {
    const { definitions } = JSON.parse(await schemaText());
    const rule = z.fromJSONSchema({ $schema: "http://json-schema.org/draft-07/schema#", $ref: "#/definitions/Rule", definitions });
    const page = await Bun.file(join(root, "docs/CHAOS.md")).text();
    const shown = [...page.matchAll(/```yaml\n([^]*?)```/g)].flatMap(
      ([, text]) => (Bun.YAML.parse(text!) as { chaos?: unknown[] }).chaos ?? [],
    );
    expect(shown.length).toBeGreaterThan(5);
    for (const one of shown) expect([one, rule.safeParse(one).error?.issues ?? []]).toEqual([one, []]);
    for (const wrong of [{ fault: "dorp" }, { fault: "drop", match: { topik: "t" } }]) expect(rule.safeParse(wrong).success).toBe(false);
  });
});

describe("units", () => {
  test.each([
    [0, "0ms"],
    [250, "250ms"],
    [90_000, "90s"],
    [604_800_000, "7d"],
  ] as const)("%p ms are written %p", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
    expect(parseDuration(text)).toBe(ms);
  });
  test.each([
    [0, "0B"],
    [1000, "1000B"],
    [2048, "2KiB"],
    [104_857_600, "100MiB"],
  ] as const)("%p bytes are written %p", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
    expect(parseSize(text)).toBe(bytes);
  });
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
    ["40", 40],
    [40, 40],
    ["soon", null],
    ["5y", null],
    ["-1s", null],
  ] as const)("duration %p is %p ms", (text, ms) => expect(parseDuration(text)).toBe(ms));
  test.each([
    ["1MiB", 1_048_576],
    ["64KiB", 65_536],
    ["10MB", 10_000_000],
    ["1gib", 1_073_741_824],
    ["12", 12],
    ["big", null],
  ] as const)("size %p is %p bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));
});
