import { connect, type ChannelModel, type ConfirmChannel } from "amqplib";
import { Kafka, logLevel, type Consumer, type Producer } from "kafkajs";
import mqtt, { type MqttClient } from "mqtt";

/** Where the brokers are; `havoq exec` sets all three. */
export const ADDRESSES = {
  kafka: (process.env.KAFKA_BROKERS ?? "localhost:9092").split(","),
  mqtt: process.env.MQTT_URL ?? "mqtt://localhost:1883",
  amqp: process.env.AMQP_URL ?? "amqp://localhost:5672",
};

/** One service's connections to the bus, opened when it first uses them. */
export class Bus {
  private readonly kafka: Kafka;
  private readonly consumers: Consumer[] = [];
  private producer: Promise<Producer> | null = null;
  private broker: Promise<MqttClient> | null = null;
  private channel: Promise<ConfirmChannel> | null = null;
  private readonly amqp: ChannelModel[] = [];
  private closed = false;

  constructor(readonly name: string) {
    this.kafka = new Kafka({
      clientId: name,
      brokers: ADDRESSES.kafka,
      logLevel: logLevel.NOTHING,
      retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 1000 },
    });
  }

  /** Puts an event on a Kafka topic; settles when the brokers have it. */
  async emit(topic: string, key: string, value: object): Promise<void> {
    this.producer ??= (async () => {
      const producer = this.kafka.producer();
      await producer.connect();
      return producer;
    })();
    await (await this.producer).send({ topic, messages: [{ key, value: JSON.stringify(value) }], acks: -1 });
  }

  /** Hands every event of some Kafka topics to a handler, at least once. Settles once the group has its partitions. */
  async on<Event>(topics: string[], handle: (event: Event, topic: string) => Promise<void> | void): Promise<void> {
    const consumer = this.kafka.consumer({ groupId: this.name, sessionTimeout: 10_000, rebalanceTimeout: 5_000, maxWaitTimeInMs: 200 });
    this.consumers.push(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    const joined = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
    await consumer.run({ eachMessage: async ({ topic, message }) => await handle(JSON.parse(message.value!.toString()) as Event, topic) });
    await joined;
  }

  /** Publishes to an MQTT topic. */
  async publish(topic: string, value: object, options: { qos?: 0 | 1 | 2; retain?: boolean } = {}): Promise<void> {
    await (await this.mqtt()).publishAsync(topic, JSON.stringify(value), { qos: 1, ...options });
  }

  /** Hands what comes on an MQTT filter to a handler. */
  async listen<Event>(filter: string, handle: (event: Event, topic: string) => Promise<void> | void): Promise<void> {
    const client = await this.mqtt();
    const matches = new RegExp(`^${filter.replaceAll("+", "[^/]+").replace("#", ".*")}$`);
    client.on("message", (topic, payload) => {
      if (matches.test(topic)) void handle(JSON.parse(payload.toString()) as Event, topic);
    });
    await client.subscribeAsync(filter, { qos: 1 });
  }

  /** Sends to an AMQP exchange; settles when it is confirmed, and sends again over a new connection where one breaks. */
  async send(exchange: string, routingKey: string, value: object): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const channel = await this.confirmed();
        await new Promise<void>((resolve, reject) => {
          const broken = (): void => reject(new Error("the connection broke"));
          channel.once("close", broken);
          channel.publish(
            exchange,
            routingKey,
            Buffer.from(JSON.stringify(value)),
            { persistent: true, contentType: "application/json" },
            (error) => {
              channel.off("close", broken);
              if (error === null || error === undefined) resolve();
              else reject(error);
            },
          );
        });
        return;
      } catch (error) {
        if (this.closed || attempt === 20) throw error;
        this.channel = null;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.consumers.map((consumer) => consumer.disconnect()));
    await (await this.producer)?.disconnect();
    await (await this.broker)?.endAsync(true);
    for (const connection of this.amqp) await connection.close().catch(() => undefined);
  }

  private mqtt(): Promise<MqttClient> {
    return (this.broker ??= mqtt.connectAsync(ADDRESSES.mqtt, { clientId: `${this.name}-${process.pid}`, reconnectPeriod: 100 }));
  }

  private confirmed(): Promise<ConfirmChannel> {
    return (this.channel ??= (async () => {
      const connection = await connect(ADDRESSES.amqp, { clientProperties: { connection_name: this.name } });
      this.amqp.push(connection);
      const forget = (): void => void (this.channel = null);
      connection.on("error", forget).on("close", forget);
      const channel = await connection.createConfirmChannel();
      channel.on("error", forget);
      return channel;
    })());
  }
}

/** Events come at least once: says whether this one has been dealt with already. */
export class Seen {
  private readonly ids = new Set<string>();

  before(id: string): boolean {
    if (this.ids.has(id)) return true;
    this.ids.add(id);
    return false;
  }
}
