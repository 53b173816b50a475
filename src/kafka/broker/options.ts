/** A topic that is there from the start. */
export interface TopicOptions {
  partitions?: number;
  replication_factor?: number;
  /** Milliseconds that records are kept: the topic's `retention.ms`. */
  retention?: number;
  /** Bytes that are kept of each partition: the topic's `retention.bytes`. */
  retention_bytes?: number;
  /** Topic configuration by Kafka's names. */
  config?: Readonly<Record<string, string>>;
}

/** `kafka:` in havoq.yaml, without the ports, which belong to the listeners. */
export interface KafkaOptions {
  /** Virtual brokers, with node ids from 1. */
  brokers: number;
  auto_create_topics: boolean;
  default_partitions: number;
  default_replication_factor: number;
  /** The default of the topic configuration `min.insync.replicas`. */
  min_insync_replicas: number;
  topics: Readonly<Record<string, TopicOptions>>;
  max_connections: number;
  /** Bytes of the largest request that is read (`socket.request.max.bytes`). */
  max_request_size: number;
  /** Milliseconds that an empty group waits for more members (`group.initial.rebalance.delay.ms`); Kafka waits 3,000. */
  group_initial_rebalance_delay: number;
}

export const kafkaDefaults: KafkaOptions = {
  brokers: 1,
  auto_create_topics: true,
  default_partitions: 3,
  default_replication_factor: 1,
  min_insync_replicas: 1,
  topics: {},
  max_connections: 10_000,
  max_request_size: 100 * 1024 * 1024,
  group_initial_rebalance_delay: 0,
};
