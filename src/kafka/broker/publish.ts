import type { Outgoing } from "../../hooks/plugin.ts";
import type { KafkaCluster } from "./cluster.ts";
import { headersOf } from "../pipeline/events.ts";
import { storedBatch } from "../pipeline/observed.ts";
import { partitionForKey } from "./partitioner.ts";
import { writeBatch } from "../wire/records.ts";
import type { Partition, Topic } from "./topics.ts";

/** Puts one record into a topic from within, past the hooks. @throws RangeError when there is no such place */
export function publish(cluster: KafkaCluster, message: Outgoing): void {
  if (message.protocol !== "kafka") throw new TypeError(`${message.protocol} messages are not for Kafka`);
  const key = bytesOf(message.key ?? null);
  const partition = partitionOf(cluster, message, key);
  const now = cluster.host.clock.now();
  const record = { timestamp: now, key, value: bytesOf(message.payload), headers: headersOf(message.headers ?? {}) };
  const batch = writeBatch({ records: [record] });
  partition.append(batch, now, true);
  const { observer } = cluster.host.hooks;
  if (observer !== null) storedBatch(observer, null, partition, batch, null);
}

/** Where a message goes: the partition it names, else that of its key, else the next one. @throws RangeError */
export function partitionOf(cluster: KafkaCluster, message: Outgoing & { protocol: "kafka" }, key: Uint8Array | null): Partition {
  const topic = cluster.autoCreate(message.topic);
  if (typeof topic === "string") throw new RangeError(`topic ${message.topic}: ${topic}`);
  const index = message.partition ?? (key === null ? nextPartition(topic) : partitionForKey(key, topic.partitions.length));
  const partition = topic.partitions[index];
  if (partition === undefined) throw new RangeError(`there is no partition ${index} of topic ${topic.name}`);
  return partition;
}

/** Text as UTF-8, structures as JSON. */
export function bytesOf(value: Uint8Array | string | object | null): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}

/** Records without a key go round the partitions. */
function nextPartition(topic: Topic): number {
  return topic.published++ % topic.partitions.length;
}
