/**
 * A whole havoq in this process under given rules, and real clients on real sockets: for each protocol
 * a producer and a consumer of `orders`, which are called `producer` and `consumer`.
 */
import { type ChannelModel, connect as connectAmqp, type ConfirmChannel } from "amqplib";
import { Kafka, type KafkaConfig, logLevel, type ProducerConfig } from "kafkajs";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { start } from "../../src/app.ts";
import { type Config, DEFAULTS } from "../../src/config/config.ts";
import type { Havoq, StartOptions } from "../../src/app.ts";
import type { Protocol } from "../../src/hooks/plugin.ts";
import type { Rule } from "../../src/rules/rule.ts";

export const PROTOCOLS: readonly Protocol[] = ["kafka", "mqtt", "amqp"];

/** What a consumer got. */
export interface Got {
  text: string;
  payload: Buffer | null;
  /** MQTT's DUP flag, AMQP's redelivered. */
  again: boolean;
}

export interface Peer {
  /** Settles when the broker has acknowledged it; rejects with what the client made of anything else. */
  send(payload: string | Buffer): Promise<unknown>;
  /** What the consumer got, from the beginning on; waits until there are so many. */
  take(n: number): Promise<Got[]>;
  readonly got: readonly Got[];
}

export class World {
  private readonly ends: (() => unknown)[] = [];
  private constructor(readonly havoq: Havoq) {}

  static async under(rules: readonly Rule[], options: StartOptions = {}): Promise<World> {
    const config: Config = {
      ...DEFAULTS,
      seed: 7,
      admin: { ...DEFAULTS.admin, enabled: false },
      kafka: { ...DEFAULTS.kafka, port: 0, default_partitions: 1 },
      mqtt: { ...DEFAULTS.mqtt, port: 0, websocket_port: 0 },
      amqp: { ...DEFAULTS.amqp, port: 0 },
    };
    const havoq = await start(config, { print: () => undefined, ...options });
    for (const rule of rules) havoq.rules.add(rule);
    return new World(havoq);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.havoq.stop();
    await Promise.race([Promise.allSettled(this.ends.map((end) => end())), new Promise((resolve) => setTimeout(resolve, 100))]);
  }

  /** The reasons of the verdicts that fired, in order. */
  get reasons(): string[] {
    return this.havoq.journal.entries().flatMap(({ reason, action }) => reason ?? (action === undefined ? [] : action));
  }

  // --- Kafka ------------------------------------------------------------------------------------

  get kafkaPort(): number {
    return this.havoq.addresses().kafka!.ports[0]!;
  }
  get mqttPort(): number {
    return this.havoq.addresses().mqtt!.port;
  }
  get amqpPort(): number {
    return this.havoq.addresses().amqp!.port;
  }

  /** KafkaJS, which gives up at once. */
  kafka(clientId: string, config: Partial<KafkaConfig> = {}): Kafka {
    return new Kafka({ clientId, brokers: [`127.0.0.1:${this.kafkaPort}`], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ...config });
  }

  async producer(config: Partial<KafkaConfig> = {}, own: ProducerConfig = {}) {
    const producer = this.kafka("producer", config).producer({ retry: { retries: 0 }, ...own });
    await producer.connect();
    this.ends.push(() => producer.disconnect());
    return producer;
  }

  /** Reads `orders` from the beginning on. */
  async kafkaConsumer(each: (got: Got) => void, config: Partial<KafkaConfig> = {}): Promise<void> {
    const consumer = this.kafka("consumer", { retry: { retries: 5, initialRetryTime: 20 }, ...config }).consumer({
      groupId: "readers",
      maxWaitTimeInMs: 50,
    });
    await consumer.connect();
    this.ends.push(() => consumer.disconnect());
    await consumer.subscribe({ topic: "orders", fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ message }) => each({ text: message.value?.toString() ?? "", payload: message.value, again: false }),
    });
  }

  // --- MQTT -------------------------------------------------------------------------------------

  async mqtt(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await mqtt.connectAsync(
      `mqtt://127.0.0.1:${this.mqttPort}`,
      { clientId, protocolVersion: 5, reconnectPeriod: 0, ...options },
      false,
    );
    client.on("error", () => undefined);
    this.ends.push(() => client.endAsync(true));
    return client;
  }

  // --- AMQP -------------------------------------------------------------------------------------

  async amqp(name: string, capabilities: object = {}): Promise<ChannelModel> {
    const clientProperties = {
      connection_name: name,
      capabilities: {
        publisher_confirms: true,
        authentication_failure_close: true,
        "connection.blocked": true,
        consumer_cancel_notify: true,
        ...capabilities,
      },
    };
    const connection = await connectAmqp(`amqp://guest:guest@127.0.0.1:${this.amqpPort}`, { clientProperties });
    connection.on("error", () => undefined);
    this.ends.push(() => connection.close());
    return connection;
  }

  async confirmChannel(connection: ChannelModel): Promise<ConfirmChannel> {
    const channel = await connection.createConfirmChannel();
    channel.setMaxListeners(100);
    channel.on("error", () => undefined);
    return channel;
  }

  // --- All --------------------------------------------------------------------------------------

  /** A producer and, from the first `take` on for Kafka, else at once, a consumer. */
  async peer(protocol: Protocol): Promise<Peer> {
    const got: Got[] = [];
    let wake = (): void => undefined;
    const each = (one: Got): void => {
      got.push(one);
      wake();
    };
    const take = async (n: number): Promise<Got[]> => {
      while (got.length < n) await new Promise<void>((resolve) => (wake = resolve));
      return got.slice(0, n);
    };
    switch (protocol) {
      case "kafka": {
        const producer = await this.producer();
        let reading: Promise<void> | null = null;
        return {
          got,
          send: (payload) => producer.send({ topic: "orders", messages: [{ value: payload }] }),
          take: async (n) => {
            await (reading ??= this.kafkaConsumer(each));
            return take(n);
          },
        };
      }
      case "mqtt": {
        const subscriber = await this.mqtt("consumer");
        subscriber.on("message", (_topic, payload, packet) => each({ text: payload.toString(), payload, again: packet.dup }));
        await subscriber.subscribeAsync("orders", { qos: 1 });
        const publisher = await this.mqtt("producer");
        // MQTT.js keeps what was not acknowledged for the next connection, of which there is none here.
        const cut = new Promise<never>((_resolve, reject) => publisher.once("close", () => reject(new Error("connection closed"))));
        cut.catch(() => undefined);
        return { got, take, send: (payload) => Promise.race([publisher.publishAsync("orders", payload, { qos: 1 }), cut]) };
      }
      case "amqp": {
        const consuming = await (await this.amqp("consumer")).createChannel();
        await consuming.assertExchange("orders", "fanout");
        await consuming.assertQueue("orders");
        await consuming.bindQueue("orders", "orders", "");
        await consuming.consume("orders", (message) => {
          if (message !== null) each({ text: message.content.toString(), payload: message.content, again: message.fields.redelivered });
        });
        const publishing = await this.confirmChannel(await this.amqp("producer"));
        return {
          got,
          take,
          send: (payload) => {
            const sent = Promise.withResolvers<void>();
            sent.promise.catch(() => undefined); // whoever does not wait for it does not want to know
            publishing.once("error", sent.reject);
            publishing.once("close", () => sent.reject(new Error("channel closed")));
            publishing.publish("orders", "", Buffer.from(payload), {}, (error) => (error === null ? sent.resolve() : sent.reject(error)));
            return sent.promise;
          },
        };
      }
    }
  }
}

/** The texts of what was got. */
export const texts = (got: readonly Got[]): string[] => got.map(({ text }) => text);

/** "answered", or the error. */
export function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "answered",
    (error) => String(error),
  );
}

/** The outcome of a promise that has some milliseconds of real time, or "silence": for what is not to be answered. */
export function within(ms: number, promise: Promise<unknown>): Promise<string> {
  return Promise.race([outcome(promise), new Promise<string>((resolve) => setTimeout(resolve, ms, "silence"))]);
}
