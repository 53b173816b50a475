import { TopicConfig } from "./configs.ts";
import type { KafkaCluster } from "./cluster.ts";
import type { ProducerState } from "./producers.ts";
import { Partition, Topic } from "./topics.ts";

/** A cluster as plain data: topics with their logs, groups with their positions. Times are milliseconds from now. */
export interface KafkaState {
  lastProducerId: number;
  topics: TopicState[];
  groups: {
    id: string;
    generation: number;
    offsets: { topic: string; partition: number; offset: number; leaderEpoch: number; metadata: string; ago: number }[];
  }[];
}

interface TopicState {
  name: string;
  id: string;
  config: Record<string, string>;
  partitions: {
    replicas: readonly number[];
    leaderEpoch: number;
    start: number;
    /** Record batches as they are on the wire. `next`: the offset after the last one. */
    entries: { base: number; next: number; count: number; time: number; epoch: number; ago: number; bytes: Uint8Array }[];
    end: number;
    producers: ProducerState[];
  }[];
}

export function saveKafka(cluster: KafkaCluster): KafkaState {
  const now = cluster.host.clock.now();
  const topics = [...cluster.topics.values()].map(({ name, id, config, partitions }) => ({
    name,
    id,
    config: config.own(),
    partitions: partitions.map(({ replicas, leaderEpoch, log, producers }) => ({
      replicas,
      leaderEpoch,
      start: log.start,
      end: log.end,
      producers: producers.save(now),
      entries: [...log].map(({ base, next, count, time, epoch, appended, bytes }) => ({
        base,
        next,
        count,
        time,
        epoch,
        ago: now - appended,
        bytes,
      })),
    })),
  }));
  const groups = [...cluster.groups.groups.values()].map(({ id, generation, offsets }) => ({
    id,
    generation,
    offsets: [...offsets].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, { offset, leaderEpoch, metadata, time }]) => ({
        topic,
        partition,
        offset,
        leaderEpoch,
        metadata,
        ago: now - time,
      })),
    ),
  }));
  return { lastProducerId: cluster.lastProducerId, topics, groups };
}

/** Puts a state in the place of all topics and groups. Their clients have to be gone: groups have no members. */
export function loadKafka(cluster: KafkaCluster, { lastProducerId, topics, groups }: KafkaState): void {
  const now = cluster.host.clock.now();
  for (const topic of [...cluster.topics.values()]) cluster.deleteTopic(topic);
  cluster.groups.clear();
  cluster.lastProducerId = Math.max(cluster.lastProducerId, lastProducerId);
  for (const { name, id, config, partitions } of topics) {
    const topic = new Topic(name, id, new TopicConfig(cluster.topicDefaults, config));
    for (const state of partitions) topic.partitions.push(loadPartition(cluster, topic, state, now));
    cluster.topics.set(name, topic);
    cluster.topicsById.set(id, topic);
  }
  for (const { id, generation, offsets } of groups) {
    const group = cluster.groups.restore(id, generation);
    for (const { topic, partition, ago, ...committed } of offsets) group.offsets.set(topic, partition, { ...committed, time: now - ago });
  }
}

function loadPartition(cluster: KafkaCluster, topic: Topic, state: TopicState["partitions"][number], now: number): Partition {
  const { nodes } = cluster;
  // The cluster may have had more brokers then.
  const known = state.replicas.filter((id) => id <= nodes.all.length);
  const partition = new Partition(topic, topic.partitions.length, known.length > 0 ? known : nodes.replicasOf(topic.partitions.length, 1));
  for (const { base, next, count, time, epoch, ago, bytes } of state.entries) {
    partition.log.skipTo(base);
    // Bytes of its own: nothing that is kept may lie in the snapshot.
    partition.log.append(Buffer.from(bytes), next - base, count, time, epoch, now - ago, false);
  }
  partition.log.skipTo(state.end);
  partition.log.deleteBefore(state.start);
  partition.producers.load(state.producers, now);
  partition.leaderEpoch = state.leaderEpoch;
  partition.isr = partition.replicas.filter((id) => nodes.isUp(id));
  if (partition.isr.length === 0) partition.isr = [partition.replicas[0]!];
  // Whoever knows an epoch of before learns that it is over.
  partition.lead(partition.isr.find((id) => nodes.isUp(id)) ?? -1);
  return partition;
}
