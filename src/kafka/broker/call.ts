import type { Waiters } from "../../core/waiters.ts";
import { type Wait, waitUntil } from "../../core/waiters.ts";
import type { Connection } from "../../net/connection.ts";
import type { AnyTable } from "../wire/api.ts";
import type { KafkaCluster } from "./cluster.ts";
import type { ClusterFacts, KafkaCall, Produced } from "../pipeline/endpoint.ts";
import type { Received } from "../pipeline/received.ts";
import { Errors } from "../wire/errors.ts";
import type { Partition, Topic } from "./topics.ts";

/** One request being carried out: who asks, at which node, in which version. */
export class Call implements KafkaCall {
  private wait: Wait | null = null;
  readonly verbatim = null;
  produced: ReadonlyMap<object, Produced> | null = null;

  constructor(
    readonly cluster: KafkaCluster,
    readonly connection: Connection,
    /** The virtual broker that was asked. */
    readonly node: number,
    readonly version: number,
    readonly correlationId: number,
    readonly clientId: string,
    /** When it came, in milliseconds of the clock. */
    readonly since: number,
    readonly received: Received,
  ) {}

  get served(): readonly AnyTable[] {
    return this.cluster.apis;
  }

  about(): ClusterFacts {
    const { id, nodes } = this.cluster;
    return {
      brokers: nodes.up.map((node) => ({ nodeId: node.id, ...this.address(node.id) })),
      clusterId: id,
      controllerId: nodes.controller,
    };
  }

  /** Settles when `ready` holds, the time is over, or the client has gone. */
  until(places: readonly Waiters[], ready: () => boolean, ms: number): Promise<boolean> {
    this.wait = waitUntil(places, ready, this.cluster.host.clock, ms);
    return this.wait.done;
  }

  /** The client has gone. */
  cancel(): void {
    this.wait?.cancel();
  }

  /** The topic by name or, where the version has ids, by id (KIP-516). */
  topic(asked: { name: string; topicId: string }, idsFrom: number): Topic | undefined {
    return this.version >= idsFrom ? this.cluster.topicsById.get(asked.topicId) : this.cluster.topics.get(asked.name);
  }

  /** The error for a topic, or a partition of one, that is not there. */
  noTopic(topic: Topic | undefined, idsFrom: number): number {
    return topic === undefined && this.version >= idsFrom ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION;
  }

  /** Why this node does not answer for a partition; NONE when it does. The epoch is the one the client knows, -1 for none (KIP-320). */
  leads(partition: Partition, knownEpoch: number): number {
    if (partition.gone) return Errors.UNKNOWN_TOPIC_OR_PARTITION;
    if (partition.leader !== this.node) return Errors.NOT_LEADER_OR_FOLLOWER;
    if (knownEpoch >= 0 && knownEpoch < partition.leaderEpoch) return Errors.FENCED_LEADER_EPOCH;
    if (knownEpoch > partition.leaderEpoch) return Errors.UNKNOWN_LEADER_EPOCH;
    return Errors.NONE;
  }

  /** Is this node the coordinator of a group or transactional id? The error if not. */
  coordinates(key: string): number {
    return this.cluster.nodes.coordinator(key)?.id === this.node ? Errors.NONE : Errors.NOT_COORDINATOR;
  }

  /** Nodes that a client needs to know to find new leaders (KIP-951). */
  endpoints(nodes: Iterable<number>): { nodeId: number; host: string; port: number }[] {
    return [...new Set(nodes)].filter((id) => id >= 0).map((nodeId) => ({ nodeId, ...this.address(nodeId) }));
  }

  address(node: number): { host: string; port: number } {
    return this.cluster.nodes.address(node, this.connection.listener);
  }
}
