import type { AmqpBroker } from "../amqp/broker/broker.ts";
import { NotEnabledError, NotPossibleError } from "../core/errors.ts";
import type { AdvanceableClock } from "../hooks/clock.ts";
import type { BrokerInfo, BrokerName, Outgoing, Protocol, Unflushed } from "../hooks/plugin.ts";
import type { KafkaCluster } from "../kafka/broker/cluster.ts";
import type { MqttBroker } from "../mqtt/broker/broker.ts";
import type { Net } from "../net/net.ts";

/** The brokers that there are. */
export interface Parts {
  readonly kafka: KafkaCluster | null;
  readonly mqtt: MqttBroker | null;
  readonly amqp: AmqpBroker | null;
}

/** A broker that is one process for its whole protocol. */
export type SingleBroker = Exclude<BrokerName, number>;

/** The listeners of the MQTT and AMQP brokers, which close with them. */
export interface Listeners {
  down(protocol: SingleBroker): void;
  up(protocol: SingleBroker): void;
}

/** What stands in front of a real cluster in the place of a broker of ours. */
export interface Gateway {
  /** `HOST:PORT` of the real one. */
  readonly upstream: string;
  publish(message: Outgoing): void;
}

/** What control actions act on. */
export class ActionContext {
  private readonly dead = new Set<SingleBroker>();

  constructor(
    readonly parts: Parts,
    readonly net: Net,
    readonly clock: AdvanceableClock,
    private readonly listeners: Listeners,
    private readonly gateways: ReadonlyMap<Protocol, Gateway>,
  ) {}

  /** Throws NotEnabledError where the protocol is switched off. */
  part<P extends Protocol>(protocol: P): NonNullable<Parts[P]> {
    const part = this.parts[protocol];
    if (part !== null && part !== undefined) return part;
    const gateway = this.gateways.get(protocol);
    if (gateway === undefined) throw new NotEnabledError(protocol);
    throw new NotPossibleError(`${protocol} is a gateway to ${gateway.upstream}: only a broker of havoq's own can do this`);
  }

  /** Puts a message into a protocol as a client would, past the `message` hooks. */
  publish(message: Outgoing): void {
    const gateway = this.gateways.get(message.protocol);
    if (gateway !== undefined) gateway.publish(message);
    else this.part(message.protocol).publish(message as never);
  }

  /** All brokers: Kafka's virtual ones, then the others. */
  brokers(): BrokerInfo[] {
    const { kafka, ...single } = this.parts;
    const nodes = kafka?.nodes.all.map(({ id, up, paused }): BrokerInfo => ({ broker: id, up, paused })) ?? [];
    const names = (Object.keys(single) as SingleBroker[]).filter((name) => single[name] !== null);
    return [...nodes, ...names.map((broker) => ({ broker, up: !this.dead.has(broker), paused: this.net.isPaused({ protocol: broker }) }))];
  }

  /** The MQTT or AMQP broker dies: its listeners close and its connections are reset. Returns how many messages are lost. */
  die(broker: SingleBroker, unflushed: Unflushed = {}): number {
    const part = this.part(broker);
    if (this.dead.has(broker)) return 0;
    this.dead.add(broker);
    this.net.resume({ protocol: broker });
    this.listeners.down(broker);
    const lost = part.die(unflushed);
    for (const connection of this.net.connections({ protocol: broker })) connection.abort(true);
    return lost;
  }

  /** Starts a broker that is down; one that is up goes down first. */
  restart(broker: BrokerName): void {
    if (typeof broker === "number") return this.part("kafka").restartBroker(broker);
    this.die(broker);
    this.dead.delete(broker);
    this.listeners.up(broker);
  }

  /** Ends the pause of a broker. */
  resume(broker: BrokerName): void {
    if (typeof broker === "number") this.part("kafka").resumeBroker(broker);
    else this.net.resume({ protocol: broker });
  }
}
