import { NotFoundError, NotPossibleError } from "../../core/errors.ts";
import type { Timer } from "../../core/time.ts";
import type { Net } from "../../net/net.ts";
import { NO_LEADER, type Topic } from "./topics.ts";

/** Where the virtual brokers can be reached, and how their listeners come and go. */
export interface Network {
  /** What clients are told to connect to. */
  address(node: number, listener: string): { host: string; port: number };
  /** The node's listeners close. */
  down(node: number): void;
  up(node: number): void;
}

export interface Node {
  readonly id: number;
  /** It is part of the cluster: it may lead, and metadata names it. */
  up: boolean;
  /** Its process is stopped. */
  paused: boolean;
  /** When the others will notice that it is. */
  fence: Timer | null;
}

/** Says that a cluster of so many brokers has none of this id; null where it has. */
export function noBroker(id: number, count: number): string | null {
  return id >= 1 && id <= count ? null : `there is no Kafka broker ${id}: there are 1 to ${count}`;
}

/** `broker.session.timeout.ms`: a broker that was silent for so long is no part of the cluster any more. */
const BROKER_SESSION = 9_000;

/**
 * The virtual brokers of a cluster and what happens when one goes: leadership moves along the
 * in-sync replicas, as a controller would move it.
 */
export class Nodes {
  readonly all: readonly Node[];
  /** Groups and transactional ids that were sent away from where their hash puts them. */
  private readonly moved = new Map<string, number>();

  constructor(
    count: number,
    private readonly net: Net,
    private readonly network: Network,
    private readonly topics: () => Iterable<Topic>,
  ) {
    this.all = Array.from({ length: count }, (_, i) => ({ id: i + 1, up: true, paused: false, fence: null }));
  }

  get up(): Node[] {
    return this.all.filter((node) => node.up);
  }

  find(id: number): Node {
    const node = this.all.find((one) => one.id === id);
    if (node === undefined) throw new NotFoundError(noBroker(id, this.all.length)!);
    return node;
  }

  isUp(id: number): boolean {
    return this.all[id - 1]?.up === true;
  }

  /** The node that leads the cluster: the first that is up. */
  get controller(): number {
    return this.up[0]?.id ?? -1;
  }

  /** Which node stands for a group or transactional id. It moves when that node goes down. */
  coordinator(key: string): Node | undefined {
    const { up } = this;
    const moved = this.moved.get(key);
    if (moved !== undefined && this.isUp(moved)) return this.find(moved);
    let hash = 0;
    for (let i = 0; i < key.length; i++) hash = (Math.imul(31, hash) + key.charCodeAt(i)) | 0;
    const home = this.all[(hash & 0x7fff_ffff) % this.all.length]!;
    return home.up ? home : up[(hash & 0x7fff_ffff) % up.length];
  }

  /** Replicas of a partition: its leader first, then the nodes that follow it in order. */
  replicasOf(partition: number, factor: number): number[] {
    const n = this.all.length;
    return Array.from({ length: factor }, (_, i) => this.all[(partition + i) % n]!.id);
  }

  /** The next node that is up, but not this one. */
  after(id: number): number | undefined {
    const others = this.up.filter((node) => node.id !== id);
    return (others.find((node) => node.id > id) ?? others[0])?.id;
  }

  address(node: number, listener: string): { host: string; port: number } {
    return this.network.address(node, listener);
  }

  kill(id: number): void {
    const node = this.find(id);
    if (!node.up && !node.paused) return;
    this.resume(id);
    this.network.down(id);
    this.leave(node);
    for (const connection of this.net.connections({ protocol: "kafka", broker: id })) connection.abort(true);
  }

  restart(id: number): void {
    const node = this.find(id);
    if (node.up) this.kill(id);
    this.network.up(id);
    this.enter(node);
  }

  /** Its process stops. The others notice after a while (`broker.session.timeout.ms`), and lead in its place. */
  pause(id: number): void {
    const node = this.find(id);
    if (!node.up || node.paused) return;
    node.paused = true;
    this.net.pause({ protocol: "kafka", broker: id });
    node.fence = this.net.clock.after(BROKER_SESSION, () => this.leave(node));
  }

  resume(id: number): void {
    const node = this.find(id);
    if (!node.paused) return;
    node.paused = false;
    node.fence?.cancel();
    node.fence = null;
    if (!node.up) this.enter(node);
    this.net.resume({ protocol: "kafka", broker: id });
  }

  /** Sends a group somewhere else from now on. @throws NotFoundError or NotPossibleError where that cannot be */
  moveCoordinator(key: string, to?: number): number {
    const next = to ?? this.after(this.coordinator(key)?.id ?? NO_LEADER);
    if (next === undefined) throw new NotFoundError(`there is no other broker that could coordinate ${key}`);
    if (!this.find(next).up) throw new NotPossibleError(`Kafka broker ${next} is not up, so it cannot coordinate ${key}`);
    this.moved.set(key, next);
    return next;
  }

  /** Leadership moves along the in-sync replicas. */
  private leave(node: Node): void {
    node.up = false;
    for (const partition of this.partitions()) {
      // The last in-sync replica stays in the list: only it may lead again.
      if (partition.isr.length > 1) partition.isr = partition.isr.filter((one) => one !== node.id);
      if (partition.leader === node.id) partition.lead(partition.isr.find((one) => this.isUp(one)) ?? NO_LEADER);
    }
  }

  private enter(node: Node): void {
    node.up = true;
    for (const partition of this.partitions()) {
      if (!partition.replicas.includes(node.id)) continue;
      if (partition.leader === NO_LEADER && partition.isr.includes(node.id)) partition.lead(node.id);
      if (partition.leader !== NO_LEADER && !partition.isr.includes(node.id)) partition.isr = [...partition.isr, node.id];
    }
  }

  private *partitions() {
    for (const topic of this.topics()) yield* topic.partitions;
  }
}
