import type { Call } from "./call.ts";
import { ConfigType } from "./configs.ts";

/** The broker configuration that has an effect here, as DescribeConfigs shows it. */
export function brokerConfigs({ cluster }: Call, node: string): { name: string; value: string; type: number }[] {
  const { options } = cluster;
  const { BOOLEAN, INT, LONG, STRING } = ConfigType;
  return [
    { name: "auto.create.topics.enable", value: options.auto_create_topics, type: BOOLEAN },
    { name: "default.replication.factor", value: options.default_replication_factor, type: INT },
    { name: "group.initial.rebalance.delay.ms", value: options.group_initial_rebalance_delay, type: INT },
    { name: "log.retention.ms", value: 604_800_000, type: LONG },
    { name: "max.connections", value: options.max_connections, type: INT },
    { name: "message.max.bytes", value: 1_048_588, type: INT },
    { name: "min.insync.replicas", value: options.min_insync_replicas, type: INT },
    { name: "node.id", value: node, type: INT },
    { name: "num.partitions", value: options.default_partitions, type: INT },
    { name: "process.roles", value: "broker,controller", type: STRING },
    { name: "socket.request.max.bytes", value: options.max_request_size, type: INT },
  ].map(({ name, value, type }) => ({ name, value: String(value), type }));
}
