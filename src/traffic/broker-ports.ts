/** What fixtures need of the three brokers. */
import type { AmqpBroker } from "../amqp/broker/broker.ts";
import type { Message as AmqpMessage } from "../amqp/model/message.ts";
import type { Vhost } from "../amqp/model/vhost.ts";
import { type Plain, Table } from "../amqp/model/values.ts";
import { AmqpMessageEvent } from "../amqp/pipeline/events.ts";
import type { Declaration, Hearing } from "./model.ts";
import type { Heard, Port } from "./ports.ts";
import type { AnyMessage } from "../hooks/plugin.ts";
import { batches } from "../kafka/wire/batch.ts";
import type { KafkaCluster } from "../kafka/broker/cluster.ts";
import { RecordEvent } from "../kafka/pipeline/events.ts";
import { records } from "../kafka/wire/records.ts";
import type { Partition } from "../kafka/broker/topics.ts";
import type { MqttBroker } from "../mqtt/broker/broker.ts";
import { MessageEvent } from "../mqtt/pipeline/events.ts";

/** A message as templates read it; what they do not ask for is not decoded. */
function heardOf(message: AnyMessage & { properties?: Readonly<Record<string, unknown>> }, key: string | null): Heard["message"] {
  return {
    key,
    get headers() {
      return message.headers;
    },
    get properties() {
      return message.properties ?? {};
    },
    get text() {
      return message.text();
    },
    get value() {
      return message.json() ?? message.text();
    },
  };
}

export class KafkaPort implements Port {
  constructor(private readonly cluster: KafkaCluster) {}

  send(messages: Parameters<Port["send"]>[0]): ReturnType<Port["send"]> {
    return this.cluster.send(messages);
  }

  declare(declaration: Declaration): void {
    if (declaration.what !== "topic") return;
    const { name, partitions, replicationFactor, config } = declaration;
    const there = this.cluster.topics.get(name);
    if (there === undefined) {
      this.cluster.createTopic(name, { partitions: partitions ?? -1, replicationFactor: replicationFactor ?? -1, config });
    } else if (partitions !== null && there.partitions.length !== partitions) {
      throw new Error(`topic ${name} is there already, with ${there.partitions.length} partitions and not ${partitions}`);
    }
  }

  /** Follows the topic's log from its end on, as a consumer would; what comes later in new partitions is read too. */
  hear(hearing: Hearing, listener: (heard: Heard) => void): () => void {
    if (hearing.protocol !== "kafka") throw new TypeError("a Kafka topic is wanted");
    const topic = this.cluster.autoCreate(hearing.topic);
    if (typeof topic === "string") throw new Error(`topic ${hearing.topic}: ${topic}`);
    const tails = new Map<Partition, () => void>();
    const follow = (partition: Partition, from: number): void => {
      let next = from;
      const look = (): void => {
        // Partitions may have been added meanwhile.
        for (const other of topic.partitions) if (!tails.has(other)) follow(other, 0);
        for (const entry of partition.log.read(next, Infinity, true)) {
          next = entry.next;
          for (const batch of batches(entry.bytes)) {
            if (batch.control) continue;
            for (const record of records(batch)) {
              const event = new RecordEvent(null, partition, record, null);
              listener({ message: heardOf(event, event.key), topic: topic.name, captures: topic.name.split(".") });
            }
          }
        }
      };
      tails.set(partition, look);
      partition.changed.add(look);
      if (next < partition.log.end) look();
    };
    for (const partition of topic.partitions) follow(partition, partition.log.end);
    return () => {
      for (const [partition, look] of tails) partition.changed.delete(look);
    };
  }
}

/** What responders publish is marked as theirs: nobody answers an answer. */
const RESPONDER = "havoq responder";

export class MqttPort implements Port {
  private readonly listeners = new Set<(topic: string, heard: () => Heard["message"]) => void>();

  constructor(private readonly broker: MqttBroker) {}

  send(messages: Parameters<Port["send"]>[0], unheard: boolean): ReturnType<Port["send"]> {
    return this.broker.send(messages, unheard ? RESPONDER : null);
  }

  declare(): void {}

  hear(hearing: Hearing, listener: (heard: Heard) => void): () => void {
    if (hearing.protocol !== "mqtt") throw new TypeError("an MQTT topic is wanted");
    const listen = (topic: string, message: () => Heard["message"]): void => {
      const captures = hearing.pattern.match(topic);
      if (captures !== null) listener({ message: message(), topic, captures });
    };
    this.listeners.add(listen);
    this.listen();
    return () => {
      this.listeners.delete(listen);
      this.listen();
    };
  }

  private listen(): void {
    const { broker, listeners } = this;
    broker.heard =
      listeners.size === 0
        ? null
        : (message) => {
            if (message.publisher === RESPONDER || message.topic.startsWith("$SYS")) return;
            const heard = (): Heard["message"] =>
              heardOf(new MessageEvent(null, message, broker.host.clock.now(), message.qos, message.retain, false, null), null);
            for (const listen of listeners) listen(message.topic, heard);
          };
  }
}

export class AmqpPort implements Port {
  constructor(private readonly broker: AmqpBroker) {}

  send(messages: Parameters<Port["send"]>[0]): ReturnType<Port["send"]> {
    return this.broker.send(messages);
  }

  declare(declaration: Declaration): void {
    const vhost = this.vhost(null);
    if (declaration.what === "topic") return;
    const table = Table.of(declaration.arguments as { [name: string]: Plain });
    switch (declaration.what) {
      case "exchange": {
        const { name, type, durable, autoDelete, internal } = declaration;
        vhost.declareExchange(name, { type, durable, autoDelete, internal, arguments: table });
        return;
      }
      case "queue":
        vhost.declareQueue(
          declaration.name,
          { durable: declaration.durable, autoDelete: declaration.autoDelete, owner: null, arguments: table },
          null,
        );
        return;
      case "binding":
        vhost.bind(declaration.exchange, () => vhost.queue(declaration.queue, null), declaration.routingKey, table);
    }
  }

  /** Consumes from the queue, and acknowledges at once; a queue that is not there is declared. */
  hear(hearing: Hearing, listener: (heard: Heard) => void): () => void {
    if (hearing.protocol !== "amqp") throw new TypeError("an AMQP queue is wanted");
    const vhost = this.vhost(hearing.vhost);
    if (!vhost.queues.has(hearing.queue)) {
      vhost.declareQueue(hearing.queue, { durable: true, autoDelete: false, owner: null, arguments: Table.EMPTY }, null);
    }
    const queue = vhost.queue(hearing.queue, null);
    const taker = {
      noAck: true,
      exclusive: false,
      priority: 0,
      ready: true,
      isBlocked: false,
      deliver: (message: AmqpMessage): void => {
        message.keep();
        const event = new AmqpMessageEvent(null, vhost.name, message, queue.name, false);
        listener({ message: heardOf(event, event.routingKey), topic: event.routingKey, captures: event.routingKey.split(".") });
      },
      hold: (): void => undefined,
      cancelled: (): void => undefined,
    };
    queue.addConsumer(taker);
    queue.pump();
    return () => queue.removeConsumer(taker);
  }

  private vhost(name: string | null): Vhost {
    const vhost = this.broker.vhosts.get(name ?? "/") ?? (name === null ? this.broker.vhosts.values().next().value : undefined);
    if (vhost === undefined) throw new Error(`there is no vhost ${name}`);
    return vhost;
  }
}
