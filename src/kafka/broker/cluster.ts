import { NotFoundError, NotPossibleError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { Sent } from "../../pipeline/inject.ts";
import { compilePattern } from "../../hooks/match.ts";
import type { GroupInfo, Outgoing, Pattern, TopicInfo } from "../../hooks/plugin.ts";
import type { Connection } from "../../net/connection.ts";
import type { Session } from "../../net/session.ts";
import type { Server } from "../../net/net.ts";
import type { Host } from "../../pipeline/host.ts";
import apis from "./apis/index.ts";
import { configsProblem, TopicConfig } from "./configs.ts";
import { type ErrorName, KafkaError } from "../wire/errors.ts";
import { Coordinator } from "./groups/coordinator.ts";
import { consumedBy, Metrics } from "./metrics.ts";
import { type Network, Nodes } from "./nodes.ts";
import { kafkaDefaults, type KafkaOptions } from "./options.ts";
import type { AnyApi } from "./api.ts";
import { precheck } from "./append.ts";
import { Call } from "./call.ts";
import { partitionForKey } from "./partitioner.ts";
import { type Batch, producedBatch, Refused } from "../wire/batch.ts";
import { Errors } from "../wire/errors.ts";
import { KafkaConnection } from "../pipeline/connection.ts";
import type { CallHeader, KafkaApi, KafkaEndpoint, Place } from "../pipeline/endpoint.ts";
import { Intake } from "../pipeline/intake.ts";
import type { Received } from "../pipeline/received.ts";
import { collisionKey, nameProblem, NO_LEADER, Partition, PARTITIONS_MOST, type Tail, Topic } from "./topics.ts";

/** How often retention, idle producers and old offsets are looked at, in milliseconds. */
const HOUSEKEEPING = 60_000;
/** `producer.id.expiration.ms`. */
const PRODUCER_EXPIRATION = 86_400_000;

export interface NewTopic {
  /** -1 for the default. */
  partitions?: number;
  /** -1 for the default. */
  replicationFactor?: number;
  /** Node ids for each partition, instead of both numbers. */
  assignments?: readonly (readonly number[])[];
  config?: Readonly<Record<string, string>>;
}

/** A Kafka cluster of virtual brokers that share one memory: each has its port, each leads some of the partitions. */
export class KafkaCluster implements Server, KafkaEndpoint {
  readonly protocol = "kafka";
  readonly apis: readonly AnyApi[] = apis;
  readonly leavesHoles = true;
  readonly maxConnections: number;
  readonly options: KafkaOptions;
  readonly nodes: Nodes;
  readonly topics = new Map<string, Topic>();
  readonly topicsById = new Map<string, Topic>();
  readonly groups: Coordinator;
  readonly metrics = new Metrics();
  private readonly intake: Intake;
  /** 22 characters of base64url. */
  readonly id: string;
  lastProducerId = -1;
  private createdTopics = 0;

  constructor(
    options: Partial<KafkaOptions>,
    readonly host: Host,
    network: Network,
  ) {
    this.options = { ...kafkaDefaults, ...options };
    this.maxConnections = this.options.max_connections;
    this.id = this.uuid("kafka cluster");
    this.nodes = new Nodes(this.options.brokers, host.net, network, () => this.topics.values());
    this.groups = new Coordinator(host, this.options);
    this.intake = new Intake(this, host.pipeline);
    for (const [name, topic] of Object.entries(this.options.topics)) {
      const config: Record<string, string> = { ...topic.config };
      if (topic.retention !== undefined) config["retention.ms"] = String(topic.retention);
      if (topic.retention_bytes !== undefined) config["retention.bytes"] = String(topic.retention_bytes);
      this.createTopic(name, { partitions: topic.partitions, replicationFactor: topic.replication_factor, config });
    }
    this.keepHouse();
  }

  accept(connection: Connection): Session {
    this.nodes.find(connection.broker ?? 1);
    return new KafkaConnection(this, connection);
  }

  // --- Behind the stages ------------------------------------------------------------------------

  get maxRequestSize(): number {
    return this.options.max_request_size;
  }

  call(connection: Connection, { version, correlationId, clientId, since }: CallHeader, received: Received): Call {
    return new Call(this, connection, connection.broker ?? 1, version, correlationId, clientId, since, received);
  }

  answered(api: KafkaApi, answer: any, ms: number): void {
    const counts = this.metrics.api(api);
    if (answer === undefined) counts.answered(Errors.NONE, ms);
    else counts.add(answer, ms);
  }

  place(_call: Call, { name, topicId }: { name: string; topicId: string }, index: number): Partition | undefined {
    // A version that has ids leaves the names empty.
    return (name === "" ? this.topicsById.get(topicId) : this.topics.get(name))?.partitions[index];
  }

  examine(call: Call, place: Place, records: Buffer | null, acks: number): { batch: Batch | null; problem: "error" | "repeated" | null } {
    const partition = place as Partition;
    const batch = producedBatch(records, partition.topic.config.maxMessageBytes);
    if (batch instanceof Refused) return { batch: null, problem: "error" };
    const problem = precheck(call, partition, batch, acks);
    return { batch, problem: problem === null ? null : problem.repeated === true ? "repeated" : "error" };
  }

  /** The partition that the message names, else that of its key, else the next one. */
  destination(message: Outgoing & { protocol: "kafka" }, key: Uint8Array | null): Partition {
    const topic = this.autoCreate(message.topic);
    if (typeof topic === "string") throw new NotPossibleError(`topic ${message.topic}: ${topic}`);
    const count = topic.partitions.length;
    // Records without a key go round the partitions.
    const index = message.partition ?? (key === null ? topic.published++ % count : partitionForKey(key, count));
    const partition = topic.partitions[index];
    if (partition === undefined) throw new NotPossibleError(`there is no partition ${index} of topic ${topic.name}`);
    return partition;
  }

  refusal(place: Place): string | null {
    return (place as Partition).leader === NO_LEADER ? `LEADER_NOT_AVAILABLE for ${place.name}` : null;
  }

  append(place: Place, batch: Batch): number | string {
    const partition = place as Partition;
    if (partition.gone) return `${partition.topic.name} was deleted`;
    const baseOffset = partition.log.end;
    partition.append(batch, this.host.clock.now(), true);
    return baseOffset;
  }

  removeBelow(place: Place, offset: number): number {
    const { log } = place as Partition;
    log.deleteBefore(offset);
    return log.start;
  }

  // --- Topics -----------------------------------------------------------------------------------

  /** @throws KafkaError when a topic like this cannot be; with `dryRun` nothing is created. */
  createTopic(name: string, wanted: NewTopic = {}, dryRun = false): Topic {
    const problem = nameProblem(name);
    if (problem !== null) throw new KafkaError("INVALID_TOPIC_EXCEPTION", problem);
    if (this.topics.has(name)) throw new KafkaError("TOPIC_ALREADY_EXISTS", `topic ${name} exists`);
    const key = collisionKey(name);
    for (const other of this.topics.keys()) {
      if (collisionKey(other) === key) throw new KafkaError("INVALID_TOPIC_EXCEPTION", `topic ${name} collides with ${other}`);
    }
    const replicas = this.replicasFor(wanted);
    const wrong = configsProblem(wanted.config ?? {});
    if (wrong !== null) throw new KafkaError("INVALID_CONFIG", wrong);
    const id = this.uuid(`kafka topic ${name} ${dryRun ? -1 : this.createdTopics++}`);
    const topic = new Topic(name, id, new TopicConfig(this.topicDefaults, wanted.config ?? {}));
    replicas.forEach((nodes) => this.addPartition(topic, nodes));
    if (!dryRun) {
      this.topics.set(name, topic);
      this.topicsById.set(id, topic);
    }
    return topic;
  }

  /** What the brokers' configuration says of topics. */
  get topicDefaults(): Record<string, string> {
    return { "min.insync.replicas": String(this.options.min_insync_replicas) };
  }

  deleteTopic(topic: Topic): void {
    this.topics.delete(topic.name);
    this.topicsById.delete(topic.id);
    this.metrics.gone.add(topic.name, topic.messagesIn);
    for (const [group, messages] of topic.messagesOut) this.metrics.goneOut.add(consumedBy(topic.name, group), messages);
    for (const partition of topic.partitions) {
      partition.gone = true;
      partition.changed.wake();
      // Whoever still knows the partition need not keep what lay in it.
      partition.log.deleteBefore(partition.log.end);
    }
    this.groups.topicDeleted(topic.name);
  }

  /** @throws KafkaError when `count` is not more than there are */
  addPartitions(topic: Topic, count: number, assignments: readonly (readonly number[])[] | null, dryRun = false): void {
    const has = topic.partitions.length;
    if (count <= has) throw new KafkaError("INVALID_PARTITIONS", `topic ${topic.name} has ${has} partitions, ${count} are not more`);
    if (assignments !== null && assignments.length !== count - has) {
      throw new KafkaError("INVALID_REPLICA_ASSIGNMENT", `${assignments.length} assignments for ${count - has} new partitions`);
    }
    assignments?.forEach((nodes) => this.checkAssignment(nodes, topic.replicationFactor));
    if (dryRun) return;
    for (let i = has; i < count; i++) {
      this.addPartition(topic, assignments?.[i - has] ?? this.nodes.replicasOf(i, topic.replicationFactor));
    }
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.topics.get(topic)?.partitions[index];
  }

  /** Throws NotFoundError with the nearest topic that there is. */
  private existing(topic: string, index: number): Partition {
    const partition = this.partition(topic, index);
    if (partition !== undefined) return partition;
    const near = this.topics.has(topic) ? null : nearest(topic, [...this.topics.keys()]);
    const hint = near === null ? "" : `: did you mean topic ${near}?`;
    throw new NotFoundError(`there is no partition ${index} of topic ${topic}${hint}`, near ?? undefined);
  }

  /** The topic, created if that is allowed; an error name when it is not there. */
  autoCreate(name: string): Topic | ErrorName {
    const topic = this.topics.get(name);
    if (topic !== undefined) return topic;
    if (nameProblem(name) !== null) return "INVALID_TOPIC_EXCEPTION";
    if (!this.options.auto_create_topics) return "UNKNOWN_TOPIC_OR_PARTITION";
    try {
      return this.createTopic(name);
    } catch (error) {
      if (error instanceof KafkaError) return error.error;
      throw error;
    }
  }

  private replicasFor({ partitions = -1, replicationFactor = -1, assignments }: NewTopic): (readonly number[])[] {
    if (assignments !== undefined && assignments.length > 0) {
      if (partitions !== -1 || replicationFactor !== -1) {
        throw new KafkaError("INVALID_REQUEST", "numbers of partitions and replicas are -1 where assignments are given");
      }
      for (const nodes of assignments) this.checkAssignment(nodes, assignments[0]!.length);
      return [...assignments];
    }
    const count = partitions === -1 ? this.options.default_partitions : partitions;
    const factor = replicationFactor === -1 ? Math.min(this.options.default_replication_factor, this.nodes.all.length) : replicationFactor;
    if (factor <= 0) throw new KafkaError("INVALID_REPLICATION_FACTOR", `a topic has at least one replica, not ${factor}`);
    if (count <= 0) throw new KafkaError("INVALID_PARTITIONS", `a topic has at least one partition, not ${count}`);
    if (count > PARTITIONS_MOST) throw new KafkaError("INVALID_PARTITIONS", `${count} partitions are too many: at most ${PARTITIONS_MOST}`);
    const up = this.nodes.up.length;
    if (factor > up) throw new KafkaError("INVALID_REPLICATION_FACTOR", `${factor} replicas wanted, ${up} brokers are there`);
    return Array.from({ length: count }, (_, i) => this.nodes.replicasOf(i, factor));
  }

  private checkAssignment(nodes: readonly number[], factor: number): void {
    const wrong =
      nodes.length === 0
        ? "no replicas"
        : nodes.length !== factor
          ? `${nodes.length} replicas here, ${factor} elsewhere`
          : new Set(nodes).size !== nodes.length
            ? "a broker stands there twice"
            : nodes.find((id) => !this.nodes.isUp(id)) !== undefined
              ? "a broker is not there"
              : null;
    if (wrong !== null) throw new KafkaError("INVALID_REPLICA_ASSIGNMENT", `replicas ${nodes.join(", ")}: ${wrong}`);
  }

  private addPartition(topic: Topic, replicas: readonly number[]): void {
    const partition = new Partition(topic, topic.partitions.length, replicas);
    partition.isr = replicas.filter((id) => this.nodes.isUp(id));
    if (partition.isr.length === 0) partition.isr = [replicas[0]!];
    partition.leader = partition.isr.find((id) => this.nodes.isUp(id)) ?? -1;
    topic.partitions.push(partition);
  }

  // --- Ids --------------------------------------------------------------------------------------

  nextProducerId(): number {
    return ++this.lastProducerId;
  }

  /** Sixteen drawn bytes: the same in every run with the same seed. */
  private uuid(stream: string): string {
    const random = this.host.random(stream);
    return Buffer.from(Array.from({ length: 16 }, () => random.int(0, 255))).toString("base64url");
  }

  // --- The control surface ----------------------------------------------------------------------

  /** Puts a record into a topic as a client would, without the `message` hooks. */
  publish(message: Outgoing): void {
    void this.intake.publish(message);
  }

  /** Puts records into their topics as a producer would, through the `message` hooks. */
  send(messages: readonly Outgoing[]): Sent | Promise<Sent> {
    return this.intake.send(messages);
  }

  /** Makes `broker`, or the next in-sync replica in line, the leader of a partition; returns its node id. */
  electLeader(topic: string, index: number, broker?: number): number {
    const partition = this.existing(topic, index);
    const able = partition.replicas.filter((id) => partition.isr.includes(id) && this.nodes.isUp(id));
    if (broker !== undefined && !able.includes(broker)) {
      throw new NotPossibleError(`broker ${broker} is no in-sync replica of ${partition.name}: these are ${able.join(", ") || "none"}`);
    }
    const next = broker ?? able[(able.indexOf(partition.leader) + 1) % able.length];
    if (next === undefined) throw new NotPossibleError(`${partition.name} has no replica that could lead`);
    partition.lead(next);
    return next;
  }

  /** Gives the leader's place among the replicas to `broker`, or the next one that is up, which then leads, as after a reassignment. */
  movePartition(topic: string, index: number, to?: number): number {
    const partition = this.existing(topic, index);
    const broker = to ?? this.nodes.after(partition.leader);
    if (broker === undefined) throw new NotFoundError(`there is no other broker that could lead ${partition.name}`);
    if (!this.nodes.find(broker).up) throw new NotPossibleError(`Kafka broker ${broker} is not up, so it cannot lead ${partition.name}`);
    if (partition.replicas.includes(broker)) return this.electLeader(topic, index, broker);
    const from = partition.leader === NO_LEADER ? partition.replicas[0]! : partition.leader;
    partition.replicas = partition.replicas.map((id) => (id === from ? broker : id));
    partition.isr = [...partition.isr.filter((id) => id !== from), broker];
    partition.lead(broker);
    return broker;
  }

  /** Metadata keeps telling the leaders of now; returns how many topics that are. */
  freezeMetadata(topic: Pattern): number {
    return this.each(topic, (partition) => partition.freeze());
  }
  refreshMetadata(topic: Pattern): number {
    return this.each(topic, (partition) => partition.refresh());
  }

  private each(topic: Pattern, act: (partition: Partition) => void): number {
    const wanted = compilePattern(topic, true);
    const topics = [...this.topics.values()].filter(({ name }) => wanted(name));
    for (const { partitions } of topics) partitions.forEach(act);
    return topics.length;
  }

  /**
   * The node's machine goes down with what it had not written to its disk. Partitions that another
   * in-sync replica has lose nothing by that, unless `unclean`: then it lagged as far behind.
   * Returns how many records are lost.
   */
  crashBroker(broker: number, { unclean = false, ...tail }: Tail & { unclean?: boolean }): number {
    this.nodes.find(broker);
    const led = [...this.topics.values()].flatMap(({ partitions }) => partitions.filter(({ leader }) => leader === broker));
    this.nodes.kill(broker);
    const now = this.host.clock.now();
    let lost = 0;
    for (const partition of led) {
      if (!unclean && partition.leader !== NO_LEADER) continue;
      lost += partition.loseTail(tail, now);
      this.host.events?.truncated(partition.name, partition.log.end);
    }
    return lost;
  }

  killBroker(broker: number): void {
    this.nodes.kill(broker);
  }
  restartBroker(broker: number): void {
    this.nodes.restart(broker);
  }
  pauseBroker(broker: number): void {
    this.nodes.pause(broker);
  }
  resumeBroker(broker: number): void {
    this.nodes.resume(broker);
  }
  expelMember(group: string, memberId: string): boolean {
    return this.groups.expel(group, memberId);
  }
  rebalance(group: string): boolean {
    return this.groups.rebalance(group);
  }
  /** Throws out the members that these connections belong to. */
  redeliver(connections: readonly Connection[]): number {
    return this.groups.expelPeers(new Set(connections));
  }

  /** Makes `broker`, or the next one, the coordinator of a group and returns its node id. */
  moveCoordinator(group: string, broker?: number): number {
    const node = this.nodes.moveCoordinator(group, broker);
    this.groups.moved(group);
    return node;
  }

  topicInfos(): TopicInfo[] {
    return [...this.topics.values()].map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index, leader, replicas, isr, log }) => ({
        partition: index,
        leader,
        replicas,
        isr,
        start: log.start,
        end: log.end,
      })),
    }));
  }
  groupInfos(): GroupInfo[] {
    return [...this.groups.groups.values()].map((group) => ({
      id: group.id,
      state: group.state,
      generation: group.generation,
      coordinator: this.nodes.coordinator(group.id)?.id ?? NO_LEADER,
      members: [...group.members.values()].map(({ id, clientId, instanceId }) => ({ memberId: id, clientId, instanceId })),
    }));
  }

  private keepHouse(): void {
    this.host.clock.after(HOUSEKEEPING, () => {
      const now = this.host.clock.now();
      for (const topic of this.topics.values()) {
        for (const { log, producers, name } of topic.partitions) {
          log.keepSince(now - topic.config.retentionMs);
          this.host.events?.trimmed(name, log.start, "expired");
          producers.expire(now - PRODUCER_EXPIRATION);
        }
      }
      this.groups.expireOffsets(now);
      this.keepHouse();
    });
  }
}
