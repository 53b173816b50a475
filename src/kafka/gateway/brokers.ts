import type { Address } from "../../net/dial.ts";
import type { Network } from "../broker/nodes.ts";
import type { Fields } from "../wire/schema.ts";

/** The listener that leads to the address that was given. */
const FIRST = 1;

/** Our own listeners, by number. */
export type Listeners = Pick<Network, "address" | "up">;

interface Behind {
  /** Its node id in the cluster; null: that is not known yet. */
  node: number | null;
  address: Address;
}

/**
 * The brokers of the cluster behind, each reached through a listener of our own. The first listener
 * leads to the address that was given; a broker that the cluster names gets the listener with the
 * number of its node id, or the next one that is free.
 */
export class Brokers {
  private readonly listeners = new Map<number, Behind>();
  /** Which listener leads to a node. */
  private readonly byNode = new Map<number, number>();

  constructor(
    given: Address,
    private readonly network: Listeners,
  ) {
    this.listeners.set(FIRST, { node: null, address: given });
  }

  /** Where connections of a listener go. */
  behind(listener: number | undefined): Address {
    const behind = this.listeners.get(listener ?? FIRST);
    if (behind === undefined) throw new RangeError(`no Kafka broker is known behind listener ${listener}`);
    return behind.address;
  }

  /** Where a node listens, as far as it is known. */
  of(node: number): Address | undefined {
    const listener = this.byNode.get(node);
    return listener === undefined ? undefined : this.listeners.get(listener)!.address;
  }

  /** The nodes that the cluster named. */
  get nodes(): number[] {
    return [...this.byNode.keys()].sort((a, b) => a - b);
  }

  /** The cluster says where a node listens. @returns the number of the listener that leads there */
  learn(node: number, address: Address): number {
    const known = this.byNode.get(node);
    if (known !== undefined) {
      this.listeners.get(known)!.address = address;
      return known;
    }
    const listener = this.listenerFor(node, address);
    if (listener === FIRST) this.listeners.get(FIRST)!.node = node;
    else {
      this.network.up(listener);
      this.listeners.set(listener, { node, address });
    }
    this.byNode.set(node, listener);
    return listener;
  }

  private listenerFor(node: number, address: Address): number {
    const first = this.listeners.get(FIRST)!;
    if (first.node === null && isSame(first.address, address)) return FIRST;
    let listener = node > FIRST ? node : FIRST + 1;
    while (this.listeners.has(listener)) listener++;
    return listener;
  }

  /** What clients of this kind of listener are told instead of where a node listens. */
  shown(node: number, kind: string): { host: string; port: number } {
    return this.network.address(this.byNode.get(node)!, kind);
  }
}

function isSame(a: Address, b: Address): boolean {
  return a.port === b.port && (a.host === b.host || (isLoopback(a.host) && isLoopback(b.host)));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** An entry of an answer that names a broker and where it listens. */
export interface BrokerEntry {
  nodeId?: number;
  brokerId?: number;
  host: string;
  port: number;
}

/** All entries of an answer that name a broker. */
export type BrokersIn = (answer: any, each: (entry: BrokerEntry) => void) => void;

/**
 * Finds them by the table of the answer: every struct with a host and a port, beside the number of a
 * node. Null: answers of this shape name none.
 */
export function brokersIn(fields: Fields): BrokersIn | null {
  const own = "host" in fields && "port" in fields && ("nodeId" in fields || "brokerId" in fields);
  const inner: { name: string; find: BrokersIn; many: boolean }[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const below = field.fields ?? field.element?.fields ?? null;
    const find = below === null ? null : brokersIn(below);
    if (find !== null) inner.push({ name, find, many: field.kind === "array" });
  }
  if (!own && inner.length === 0) return null;
  return (answer, each) => {
    if (own) each(answer);
    for (const { name, find, many } of inner) {
      const value = answer[name];
      if (value == null) continue;
      if (many) for (const one of value) find(one, each);
      else find(value, each);
    }
  };
}
