import type { Config } from "./schema.ts";

export type { Config } from "./schema.ts";

/** What runs when nobody says otherwise. `schema.ts` reads the same values; a test holds them together. */
export const DEFAULTS: Config = {
  host: "127.0.0.1",
  kafka: {
    enabled: true,
    port: 9092,
    brokers: 1,
    auto_create_topics: true,
    default_partitions: 3,
    default_replication_factor: 1,
    min_insync_replicas: 1,
    group_initial_rebalance_delay: 0,
    max_connections: 10_000,
    max_request_size: 104_857_600,
    topics: {},
  },
  mqtt: {
    enabled: true,
    port: 1883,
    websocket_port: 9001,
    max_connections: 10_000,
    keep_alive_secs: 60,
    max_packet_size: 1_048_576,
    max_queued_messages: 100_000,
    max_inflight_messages: 1000,
  },
  amqp: {
    enabled: true,
    port: 5672,
    max_connections: 10_000,
    heartbeat_interval: 60,
    frame_max: 131_072,
    channel_max: 2047,
    max_message_size: 134_217_728,
    vhosts: ["/"],
  },
  admin: { enabled: true, port: 9080, host: "127.0.0.1", token: null },
  plugins: { options: {}, time_limit: 250 },
  oracle: false,
  chaos: [],
  triggers: false,
};
