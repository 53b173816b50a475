import type { Clock } from "./core/time.ts";
import type { AdvanceableClock } from "./hooks/clock.ts";
import type { Broker, ConnectionFilter, ConnectionInfo, Outgoing, Protocol } from "./hooks/plugin.ts";
import type { Net } from "./net/net.ts";

interface Publishes<P extends Protocol> {
  publish(message: Extract<Outgoing, { protocol: P }>): void;
}

/** What the control surface needs of each protocol. */
export interface Parts {
  kafka: (Pick<Broker, "electLeader" | "killBroker" | "restartBroker" | "pauseBroker" | "resumeBroker" | "expelMember"> & Publishes<"kafka">) | null;
  mqtt: (Pick<Broker, "expireSession"> & Publishes<"mqtt">) | null;
  amqp: Publishes<"amqp"> | null;
}

/** The control surface: one room behind the hooks' `at.broker`, the HTTP API and the tests. */
export class Control implements Broker {
  constructor(private readonly parts: Parts, private readonly net: Net, private readonly clock: AdvanceableClock) {}

  publish(message: Outgoing): void {
    (this.part(message.protocol) as Publishes<Protocol>).publish(message);
  }

  connections(filter?: ConnectionFilter): ConnectionInfo[] {
    return this.net.connections(filter);
  }

  disconnect(filter: ConnectionFilter, { reset = false }: { reset?: boolean } = {}): number {
    const chosen = this.net.connections(filter);
    for (const connection of chosen) connection.abort(reset);
    return chosen.length;
  }

  block(filter: ConnectionFilter): number {
    const chosen = this.net.connections(filter);
    for (const connection of chosen) connection.freeze();
    return chosen.length;
  }

  unblock(filter: ConnectionFilter): number {
    const chosen = this.net.connections(filter);
    for (const connection of chosen) connection.unfreeze();
    return chosen.length;
  }

  electLeader(topic: string, partition: number, broker?: number): number {
    return this.part("kafka").electLeader(topic, partition, broker);
  }
  killBroker(broker: number): void {
    this.part("kafka").killBroker(broker);
  }
  restartBroker(broker: number): void {
    this.part("kafka").restartBroker(broker);
  }
  pauseBroker(broker: number): void {
    this.part("kafka").pauseBroker(broker);
  }
  resumeBroker(broker: number): void {
    this.part("kafka").resumeBroker(broker);
  }
  expelMember(group: string, memberId: string): boolean {
    return this.part("kafka").expelMember(group, memberId);
  }
  expireSession(clientId: string): boolean {
    return this.part("mqtt").expireSession(clientId);
  }
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  waitFor(state: () => boolean, timeout = 30_000): Promise<void> {
    return waitFor(this.clock, state, timeout);
  }

  private part<P extends Protocol>(protocol: P): NonNullable<Parts[P]> {
    const part = this.parts[protocol];
    if (part === null || part === undefined) throw new Error(`${protocol} is not enabled`);
    return part;
  }
}

async function waitFor(clock: Clock, state: () => boolean, timeout: number): Promise<void> {
  const until = clock.now() + timeout;
  while (!state()) {
    if (clock.now() >= until) throw new Error(`waited ${timeout} ms in vain for ${state}`);
    await clock.sleep(5);
  }
}
