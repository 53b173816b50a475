import type { Connection } from "../net/connection.ts";
import type { Net } from "../net/net.ts";
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
  up: boolean;
  paused: boolean;
}

/**
 * The virtual brokers of a cluster and what happens when one goes: leadership moves along the
 * in-sync replicas, as a controller would move it.
 */
export class Nodes {
  readonly all: readonly Node[];

  constructor(
    count: number, private readonly net: Net, private readonly network: Network, private readonly topics: () => Iterable<Topic>,
  ) {
    this.all = Array.from({ length: count }, (_, i) => ({ id: i + 1, up: true, paused: false }));
  }

  get up(): Node[] {
    return this.all.filter((node) => node.up);
  }

  find(id: number): Node {
    const node = this.all.find((one) => one.id === id);
    if (node === undefined) throw new RangeError(`there is no Kafka broker ${id}: there are 1 to ${this.all.length}`);
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

  address(node: number, listener: string): { host: string; port: number } {
    return this.network.address(node, listener);
  }

  kill(id: number): void {
    const node = this.find(id);
    if (!node.up) return;
    node.up = false;
    node.paused = false;
    this.network.down(id);
    for (const partition of this.partitions()) {
      // The last in-sync replica stays in the list: only it may lead again.
      if (partition.isr.length > 1) partition.isr = partition.isr.filter((one) => one !== id);
      if (partition.leader === id) partition.lead(partition.isr.find((one) => this.isUp(one)) ?? NO_LEADER);
    }
    for (const connection of this.connections(id)) connection.abort(true);
  }

  restart(id: number): void {
    const node = this.find(id);
    if (node.up) this.kill(id);
    node.up = true;
    this.network.up(id);
    for (const partition of this.partitions()) {
      if (!partition.replicas.includes(id)) continue;
      if (partition.leader === NO_LEADER && partition.isr.includes(id)) partition.lead(id);
      if (partition.leader !== NO_LEADER && !partition.isr.includes(id)) partition.isr = [...partition.isr, id];
    }
  }

  pause(id: number): void {
    const node = this.find(id);
    node.paused = true;
    for (const connection of this.connections(id)) connection.freeze();
  }

  resume(id: number): void {
    const node = this.find(id);
    node.paused = false;
    for (const connection of this.connections(id)) connection.unfreeze();
  }

  private connections(id: number): Connection[] {
    return this.net.connections({ protocol: "kafka", broker: id });
  }

  private *partitions() {
    for (const topic of this.topics()) yield* topic.partitions;
  }
}
