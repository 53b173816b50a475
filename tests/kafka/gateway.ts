import "../../src/kafka/protocol.ts";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { KafkaGateway } from "../../src/kafka/gateway/gateway.ts";
import type { Address } from "../../src/net/dial.ts";
import { type Listener, listenTcp } from "../../src/net/listen.ts";
import { MemoryHouse } from "../support/memory.ts";

/** A gateway on real ports in front of a cluster on real ports. */
export interface ListeningGateway extends Disposable {
  readonly house: MemoryHouse;
  readonly gateway: KafkaGateway;
  /** Where its first listener is, `host:port`. */
  readonly address: string;
  /** Ports by the number of the listener. */
  readonly ports: ReadonlyMap<number, number>;
}

export function listenGateway(upstream: Address): ListeningGateway {
  const house = new MemoryHouse(1, null, new AdvanceableClock());
  const listeners = new Map<number, Listener>();
  const ports = new Map<number, number>();
  const up = (number: number): void => {
    const listener = listenTcp({ host: "127.0.0.1", port: ports.get(number) ?? 0, broker: number }).serve(gateway, house.net);
    listeners.set(number, listener);
    ports.set(number, listener.port);
  };
  const network = { address: (number: number) => ({ host: "127.0.0.1", port: ports.get(number)! }), up };
  const gateway = new KafkaGateway(upstream, { max_connections: 1000, max_request_size: 100 * 1024 * 1024, network }, house.host("kafka"));
  house.publish = (message) => gateway.publish(message);
  up(1);
  return {
    house,
    gateway,
    address: `127.0.0.1:${ports.get(1)}`,
    ports,
    [Symbol.dispose]() {
      for (const connection of house.net.connections({ protocol: "kafka" })) connection.abort(true);
      for (const listener of listeners.values()) listener.stop();
      gateway.close();
      house.clock.stop();
    },
  };
}

export function addressOf(text: string): Address {
  const [host, port] = text.split(":") as [string, string];
  return { host, port: Number(port) };
}
