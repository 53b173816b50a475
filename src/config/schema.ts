import { z } from "zod";
import { parseDuration, parseSize } from "../core/units.ts";

const DURATION = /^\d+(\.\d+)?\s*(ms|s|m|h|d|w)?$/;
const SIZE = /^\d+(\.\d+)?\s*([kKmMgG][iI]?[bB]|[bB])?$/;

const port = z.int().min(0).max(65_535);
const optionalPort = (what: string) => port.optional().describe(what);
const duration = unit(parseDuration, DURATION, 'a duration such as "500ms", "30s" or "7d"');
const size = unit(parseSize, SIZE, 'a size such as "512KiB" or "1MiB"');
const folder = z.string().min(1).optional();
const connections = z.int().min(1).default(10_000).describe("Connections at the same time; who comes beyond is turned away.");

/** A text with a unit, or a bare number of milliseconds or bytes. */
function unit(parse: (value: string | number) => number | null, form: RegExp, what: string) {
  // Editors get the form from the JSON Schema; people get the sentence.
  const given = z
    .union([z.string().meta({ pattern: form.source }), z.number()], { error: `expected ${what}` })
    .describe(`Expects ${what}.`);
  return given.transform((value, context): number => {
    const parsed = parse(value);
    if (parsed !== null) return parsed;
    context.addIssue({ code: "custom", message: `expected ${what}` });
    return z.NEVER;
  });
}

const topic = z.strictObject({
  partitions: z.int().min(1).max(10_000).optional(),
  replication_factor: z.int().min(1).max(100).optional(),
  retention: duration.optional().describe("How long records are kept: retention.ms. A duration such as 7d."),
  retention_bytes: size.optional().describe("How many bytes of each partition are kept: retention.bytes. A size such as 1GiB."),
  config: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .optional()
    .describe("Topic configuration by Kafka's names, such as cleanup.policy: compact."),
});

const upstream = (what: string) =>
  z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, { error: "expected HOST:PORT" })
    .optional()
    .describe(`Stands in front of a real ${what} at HOST:PORT, in the place of one of havoq's own: see havoq gateway.`);

const kafka = z.strictObject({
  enabled: z.boolean().default(true),
  upstream: upstream("Kafka cluster"),
  port: port.default(9092).describe("Of the first virtual broker; the others count up from it. 0 picks free ones."),
  tls_port: optionalPort("Of the first virtual broker, for TLS; needs tls."),
  advertised_host: z.string().min(1).optional().describe("The host that clients are told to connect to."),
  brokers: z.int().min(1).max(100).default(1).describe("Virtual brokers, one port each."),
  auto_create_topics: z.boolean().default(true),
  default_partitions: z.int().min(1).max(10_000).default(3),
  default_replication_factor: z.int().min(1).max(100).default(1),
  min_insync_replicas: z.int().min(1).max(100).default(1),
  group_initial_rebalance_delay: duration.default(0).describe("How long an empty group waits for more members. A duration such as 3s."),
  max_connections: connections,
  max_request_size: size.default(104_857_600).describe("The largest request that is read. A size such as 100MiB."),
  topics: z.record(z.string(), topic).default({}).describe("Topics that are there from the start."),
  fixtures_dir: folder.describe("Folder of fixtures for Kafka."),
});

const mqtt = z.strictObject({
  enabled: z.boolean().default(true),
  upstream: upstream("MQTT broker"),
  port: port.default(1883),
  tls_port: optionalPort("For TLS; needs tls."),
  websocket_port: port.default(9001),
  max_connections: connections,
  keep_alive_secs: z
    .int()
    .min(1)
    .max(65_535)
    .default(60)
    .describe("The longest keep alive that an MQTT 5.0 client gets when it asks for more."),
  max_packet_size: size.default(1_048_576).describe("The largest packet that is taken. A size such as 1MiB."),
  max_queued_messages: z.int().min(0).default(100_000).describe("Messages that wait for one client; more are dropped."),
  max_inflight_messages: z.int().min(1).max(65_535).default(1000).describe("QoS 1 and 2 messages on the way to one client."),
  fixtures_dir: folder.describe("Folder of fixtures for MQTT."),
});

const amqp = z.strictObject({
  enabled: z.boolean().default(true),
  upstream: upstream("AMQP 0-9-1 broker"),
  port: port.default(5672),
  tls_port: optionalPort("For TLS; needs tls."),
  max_connections: connections,
  heartbeat_interval: z.int().min(0).max(65_535).default(60).describe("Seconds; 0 switches heartbeats off."),
  frame_max: z.int().min(4096).default(131_072),
  channel_max: z.int().min(1).max(65_535).default(2047).describe("Channels of one connection."),
  max_message_size: size.default(134_217_728).describe("The largest message that is taken. A size such as 128MiB."),
  memory_limit: size
    .optional()
    .describe("What queues may hold before publishers have to wait; 40 % of the machine's memory when left out. A size such as 512MiB."),
  vhosts: z.array(z.string().min(1)).min(1).default(["/"]),
  users: z.record(z.string(), z.string()).optional().describe("Passwords by user name; everybody is let in when left out."),
  fixtures_dir: folder.describe("Folder of fixtures for AMQP."),
});

const admin = z.strictObject({
  enabled: z.boolean().default(true),
  port: port.default(9080),
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("Address of the HTTP API. Where others than this machine can connect, changing anything needs the token."),
  token: z.string().min(1).nullable().default(null).describe("What callers have to bring to change anything: Authorization: Bearer TOKEN."),
});

const plugins = z.strictObject({
  dir: folder,
  options: z.record(z.string(), z.unknown()).default({}).describe("What a plugin that is a function gets, by the plugin's name."),
  time_limit: duration.default(250).describe("How long one call of a hook may take. A duration such as 250ms."),
});

const oracle = z.strictObject({
  identity: z
    .union([z.literal("content"), z.strictObject({ header: z.string().min(1) }), z.strictObject({ json: z.string().min(1) })], {
      error: "expected content, { header: NAME } or { json: PATH }",
    })
    .optional()
    .describe("What makes two messages the same: content, { header: NAME } or { json: PATH }."),
  ignore: z.array(z.string().min(1)).optional().describe("Topics, partitions and queues that are left alone, with wildcards."),
  messages: z.int().min(1).optional().describe("Messages that are accounted for at one time (200,000); the oldest leave the account."),
});

/** The one schema of havoq.yaml; `docs/havoq.schema.json` is made from it. */
export const schema = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").describe("Address to listen on."),
  seed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe("Of all random draws; a fresh one is chosen and printed when left out."),
  tls: z
    .strictObject({ cert: z.string(), key: z.string() })
    .optional()
    .describe("PEM files; with them each protocol can have a port for TLS."),
  kafka: kafka.prefault({}),
  mqtt: mqtt.prefault({}),
  amqp: amqp.prefault({}),
  admin: admin.prefault({}),
  plugins: plugins.prefault({}),
  oracle: z
    .union([z.boolean(), oracle], { error: "expected true, false or the oracle's options" })
    .default(false)
    .describe("Keeps account of every message and tells what was lost, doubled, out of order or left over."),
  chaos: z
    .array(z.record(z.string(), z.unknown()))
    .default([])
    .describe("Rules that are in force from the start; docs/CHAOS.md has their grammar."),
  triggers: z
    .boolean()
    .default(false)
    .describe("Whether messages and clients may carry faults of their own, in a header or at the end of the client id."),
});

export type Config = z.output<typeof schema>;
