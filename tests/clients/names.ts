/** Names of cases that several programs have. */

export const kafkaCases = {
  keyed: "10,000 keyed records reach a group once, in order per partition",
  rebalance: "a third member takes its part of the partitions",
  compression: ["gzip", "snappy", "lz4", "zstd"].map((codec) => `${codec} round trip`),
  resume: "a restarted group resumes at its committed offset",
  timestamps: "offsets are found by timestamp",
  contents: "headers, nulls and timestamps arrive as sent",
  deleted: "a deleted topic is gone",
  unknown: "an unknown topic is an error",
};

/** For programs that run with the rules of `faults.yaml`; without them these hold all the more. */
export const faultCases = {
  answersLost: "10,000 records are there once, in order, though answers are lost",
  leadersMoved: "a group gets 10,000 records while leaders and its coordinator change",
};

export const mqttCases = {
  tenThousand: [0, 1, 2].map((qos) => `10,000 messages at QoS ${qos}, in order`),
  retained: "a retained message reaches a late subscriber until it is cleared",
  will: "the will is sent when the client vanishes, and only then",
  wildcards: "wildcards match as the specification says",
  offline: "a persistent session keeps messages while offline",
};

export const amqpCases = {
  tenThousand: "10,000 confirmed messages are consumed in order, with prefetch and acks",
  prefetch: "no more unacked messages than the prefetch count",
  routing: [
    "a direct exchange routes by key",
    "a fanout exchange copies to all",
    "a topic exchange matches patterns",
    "a headers exchange matches all or any",
  ],
  returned: "a mandatory message without a route is returned",
  nack: "a nacked message comes back as redelivered",
  drop: "unacked messages return when the connection drops",
  exclusive: "an exclusive queue is closed to other connections and goes with its own",
  autoDelete: "an auto-delete queue goes with its last consumer",
  missing: "a missing queue is 404 and costs only the channel",
  otherwise: "declaring a queue or exchange otherwise is 406",
  contents: "properties and large bodies arrive as sent",
};

/** All names of a table, in its order. */
export function all(table: Record<string, string | string[]>): string[] {
  return Object.values(table).flat();
}
