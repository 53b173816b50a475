import { z } from "zod";
import { parseDuration, parseSize } from "../core/units.ts";

const port = z.int().min(0).max(65_535);
const duration = unit(parseDuration, 'a duration such as "500ms", "30s" or "7d"');
const size = unit(parseSize, 'a size such as "512KiB" or "1MiB"');

function unit(parse: (value: string | number) => number | null, what: string) {
  return z.union([z.string(), z.number()]).transform((value, context): number => {
    const parsed = parse(value);
    if (parsed !== null) return parsed;
    context.addIssue({ code: "custom", message: `expected ${what}` });
    return z.NEVER;
  });
}

const topic = z.strictObject({
  partitions: z.int().min(1).max(10_000).optional(),
  replication_factor: z.int().min(1).max(100).optional(),
  /** How long records are kept. */
  retention: duration.optional(),
  /** How many bytes of each partition are kept. */
  retention_bytes: size.optional(),
});

/** The one schema of havoq.yaml. */
export const schema = z.strictObject({
  host: z.string().min(1).default("127.0.0.1"),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  /** PEM files; with them each protocol can have a port for TLS. */
  tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
  kafka: z.strictObject({
    enabled: z.boolean().default(true),
    /** Of the first virtual broker; the others count up from it. */
    port: port.default(9092),
    tls_port: port.optional(),
    advertised_host: z.string().min(1).optional(),
    brokers: z.int().min(1).max(100).default(1),
    auto_create_topics: z.boolean().default(true),
    default_partitions: z.int().min(1).max(10_000).default(3),
    default_replication_factor: z.int().min(1).max(100).default(1),
    min_insync_replicas: z.int().min(1).max(100).default(1),
    max_connections: z.int().min(1).default(10_000),
    topics: z.record(z.string(), topic).default({}),
  }).prefault({}),
  mqtt: z.strictObject({
    enabled: z.boolean().default(true),
    port: port.default(1883),
    tls_port: port.optional(),
    websocket_port: port.default(9001),
    max_connections: z.int().min(1).default(10_000),
    /** The longest keep alive that an MQTT 5.0 client gets when it asks for more. */
    keep_alive_secs: z.int().min(1).max(65_535).default(60),
    max_packet_size: size.default(1_048_576),
  }).prefault({}),
  amqp: z.strictObject({
    enabled: z.boolean().default(true),
    port: port.default(5672),
    tls_port: port.optional(),
    max_connections: z.int().min(1).default(10_000),
    /** Seconds; 0 switches heartbeats off. */
    heartbeat_interval: z.int().min(0).max(65_535).default(60),
    frame_max: z.int().min(4096).default(131_072),
    vhosts: z.array(z.string().min(1)).min(1).default(["/"]),
  }).prefault({}),
  admin: z.strictObject({
    enabled: z.boolean().default(true),
    port: port.default(9080),
  }).prefault({}),
  plugins: z.strictObject({
    dir: z.string().optional(),
    /** What a plugin that is a function gets, by the plugin's name. */
    options: z.record(z.string(), z.unknown()).default({}),
    /** How long one call of a hook may take. */
    time_limit: duration.default(250),
  }).prefault({}),
  /** Rules, in force from the start; `src/rules` checks them. */
  chaos: z.array(z.record(z.string(), z.unknown())).default([]),
});

export type Config = z.output<typeof schema>;
