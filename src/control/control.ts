import type { AmqpBroker } from "../amqp/broker.ts";
import type { Clock } from "../core/time.ts";
import type { AdvanceableClock } from "../hooks/clock.ts";
import type {
  Broker,
  BrokerInfo,
  BrokerName,
  ConnectionFilter,
  ConnectionInfo,
  GroupInfo,
  Outgoing,
  Pattern,
  Protocol,
  TopicInfo,
  Unflushed,
} from "../hooks/plugin.ts";
import type { KafkaCluster } from "../kafka/broker/cluster.ts";
import type { MqttBroker } from "../mqtt/broker/broker.ts";
import type { Net } from "../net/net.ts";
import type { Direction } from "../net/stops.ts";

/** The brokers that there are. */
export interface Parts {
  readonly kafka: KafkaCluster | null;
  readonly mqtt: MqttBroker | null;
  readonly amqp: AmqpBroker | null;
}

/** What stands in front of a real cluster in the place of a broker of ours. */
export interface Gateway {
  /** `HOST:PORT` of the real one. */
  readonly upstream: string;
  publish(message: Outgoing): void;
}

/** The listeners of the MQTT and AMQP brokers, which close with them. */
export interface Listeners {
  down(protocol: "mqtt" | "amqp"): void;
  up(protocol: "mqtt" | "amqp"): void;
}

/** The control surface: one room behind the hooks' `at.broker`, the HTTP API and the tests. */
export class Control implements Broker {
  private readonly dead = new Set<"mqtt" | "amqp">();

  constructor(
    private readonly parts: Parts,
    private readonly net: Net,
    private readonly clock: AdvanceableClock,
    private readonly listeners: Listeners,
    private readonly gateways: ReadonlyMap<Protocol, Gateway> = new Map(),
  ) {}

  publish(message: Outgoing): void {
    const gateway = this.gateways.get(message.protocol);
    if (gateway !== undefined) gateway.publish(message);
    else this.part(message.protocol).publish(message as never);
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
    for (const connection of chosen) connection.reach.freeze();
    return chosen.length;
  }

  unblock(filter: ConnectionFilter): number {
    const chosen = this.net.connections(filter);
    for (const connection of chosen) connection.reach.unfreeze();
    return chosen.length;
  }

  partition(filter: ConnectionFilter, { direction = "both" }: { direction?: Direction } = {}): number {
    return this.net.partition(filter, direction);
  }
  heal(filter?: ConnectionFilter): number {
    return this.net.heal(filter);
  }

  // --- Kafka ------------------------------------------------------------------------------------

  electLeader(topic: string, partition: number, broker?: number): number {
    return this.part("kafka").electLeader(topic, partition, broker);
  }
  movePartition(topic: string, partition: number, broker?: number): number {
    return this.part("kafka").movePartition(topic, partition, broker);
  }
  freezeMetadata(topic: Pattern): number {
    return this.part("kafka").freezeMetadata(topic);
  }
  refreshMetadata(topic: Pattern): number {
    return this.part("kafka").refreshMetadata(topic);
  }
  moveCoordinator(group: string, broker?: number): number {
    return this.part("kafka").moveCoordinator(group, broker);
  }
  rebalance(group: string): boolean {
    return this.part("kafka").rebalance(group);
  }
  expelMember(group: string, memberId: string): boolean {
    return this.part("kafka").expelMember(group, memberId);
  }
  topics(): TopicInfo[] {
    return this.parts.kafka?.topicInfos() ?? [];
  }
  groups(): GroupInfo[] {
    return this.parts.kafka?.groupInfos() ?? [];
  }

  // --- Brokers ----------------------------------------------------------------------------------

  brokers(): BrokerInfo[] {
    const nodes = this.parts.kafka?.nodes.all.map(({ id, up, paused }) => ({ broker: id, up, paused })) ?? [];
    const whole = (["mqtt", "amqp"] as const).filter((protocol) => this.parts[protocol] !== null);
    return [...nodes, ...whole.map((broker) => ({ broker, up: !this.dead.has(broker), paused: this.net.isPaused({ protocol: broker }) }))];
  }

  killBroker(broker: BrokerName): void {
    if (typeof broker === "number") this.part("kafka").killBroker(broker);
    else this.die(broker, {});
  }

  crashBroker(broker: BrokerName, unflushed: Unflushed = {}): number {
    return typeof broker === "number" ? this.part("kafka").crashBroker(broker, unflushed) : this.die(broker, unflushed);
  }

  private die(protocol: "mqtt" | "amqp", unflushed: Unflushed): number {
    const part = this.part(protocol);
    if (this.dead.has(protocol)) return 0;
    this.dead.add(protocol);
    this.net.resume({ protocol });
    this.listeners.down(protocol);
    const lost = part.die(unflushed);
    for (const connection of this.net.connections({ protocol })) connection.abort(true);
    return lost;
  }

  restartBroker(broker: BrokerName): void {
    if (typeof broker === "number") return this.part("kafka").restartBroker(broker);
    this.die(broker, {});
    this.dead.delete(broker);
    this.listeners.up(broker);
  }

  pauseBroker(broker: BrokerName): void {
    if (typeof broker === "number") return this.part("kafka").pauseBroker(broker);
    this.part(broker);
    this.net.pause({ protocol: broker });
  }
  resumeBroker(broker: BrokerName): void {
    if (typeof broker === "number") this.part("kafka").resumeBroker(broker);
    else this.net.resume({ protocol: broker });
  }

  redeliver(filter: ConnectionFilter): number {
    let concerned = 0;
    for (const protocol of ["kafka", "mqtt", "amqp"] as const) {
      const connections = this.net.connections(filter).filter((connection) => connection.protocol === protocol);
      concerned += this.parts[protocol]?.redeliver(connections) ?? 0;
    }
    return concerned;
  }

  raiseAlarm(): void {
    this.part("amqp").raiseAlarm();
  }
  clearAlarm(): void {
    this.part("amqp").clearAlarm();
  }

  // --- Snapshots --------------------------------------------------------------------------------

  /** All brokers' state as MessagePack: topics, positions, retained messages, sessions, queues; not the clients' connections. */
  async snapshot(): Promise<Uint8Array> {
    const { pack, take } = await import("./snapshot.ts");
    return pack(take(this.parts));
  }

  /** Puts a snapshot in the place of all state; every client's connection is reset. Throws TypeError for bytes that are none. */
  async restore(bytes: Uint8Array): Promise<void> {
    const { put, unpack } = await import("./snapshot.ts");
    const snapshot = unpack(bytes);
    // Wills of sessions that are no more are nobody's.
    this.parts.mqtt?.die({});
    for (const connection of this.net.connections()) connection.abort(true);
    put(this.parts, snapshot);
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
    if (part !== null && part !== undefined) return part;
    const gateway = this.gateways.get(protocol);
    if (gateway === undefined) throw new Error(`${protocol} is not enabled`);
    throw new Error(`${protocol} is a gateway to ${gateway.upstream}: only a broker of havoq's own can do this`);
  }
}

/** A state did not come in time. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

async function waitFor(clock: Clock, state: () => boolean, timeout: number): Promise<void> {
  const until = clock.now() + timeout;
  while (!state()) {
    if (clock.now() >= until) throw new TimeoutError(`waited ${timeout} ms in vain for ${state}`);
    await clock.sleep(5);
  }
}
