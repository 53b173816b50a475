import "../../src/kafka/protocol.ts";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { KafkaCluster } from "../../src/kafka/broker/cluster.ts";
import type { KafkaOptions } from "../../src/kafka/broker/options.ts";
import { type Listener, listenTcp } from "../../src/net/listen.ts";
import { MemoryHouse } from "../support/memory.ts";

/** A cluster on real ports, for clients that need sockets. */
export interface ListeningCluster extends Disposable {
  readonly house: MemoryHouse;
  readonly cluster: KafkaCluster;
  /** `host:port` of each node. */
  readonly brokers: string[];
}

export function listenKafka(options: Partial<KafkaOptions> = {}): ListeningCluster {
  const house = new MemoryHouse(1, null, new AdvanceableClock());
  const listeners = new Map<number, Listener>();
  const ports = new Map<number, number>();
  const cluster: KafkaCluster = new KafkaCluster(options, house.host("kafka"), {
    address: (node) => ({ host: "127.0.0.1", port: ports.get(node)! }),
    down: (node) => listeners.get(node)!.stop(),
    up,
  });
  house.publish = (message) => cluster.publish(message);
  function up(node: number): void {
    const listener = listenTcp({ host: "127.0.0.1", port: ports.get(node) ?? 0, broker: node }).serve(cluster, house.net);
    listeners.set(node, listener);
    ports.set(node, listener.port);
  }
  for (const { id } of cluster.nodes.all) up(id);
  return {
    house,
    cluster,
    brokers: [...ports.values()].map((port) => `127.0.0.1:${port}`),
    [Symbol.dispose]() {
      for (const connection of house.net.connections({ protocol: "kafka" })) connection.abort(true);
      for (const listener of listeners.values()) listener.stop();
      house.clock.stop();
    },
  };
}
