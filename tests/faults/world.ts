import amqplib, { type ChannelModel } from "amqplib";
import { Admin as PlatformaticAdmin } from "@platformatic/kafka";
import { type Consumer, type ConsumerConfig, Kafka, type KafkaConfig, logLevel, type Producer } from "kafkajs";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { type Havoq, start } from "../../src/app.ts";
import { schema } from "../../src/config/schema.ts";
import type { Rule } from "../../src/rules/rule.ts";

/** All three brokers on free ports, and real clients that end with them. */
export class World implements AsyncDisposable {
  private readonly ends: (() => unknown)[] = [];

  private constructor(
    readonly havoq: Havoq,
    /** What was printed. */ readonly lines: string[],
  ) {}

  static async start(config: Record<string, unknown> = {}): Promise<World> {
    const lines: string[] = [];
    const { kafka, mqtt, amqp, ...rest } = config as Record<string, object>;
    const whole = schema.parse({
      seed: 1,
      admin: { enabled: false },
      kafka: { port: 0, brokers: 3, default_partitions: 1, ...kafka },
      mqtt: { port: 0, websocket_port: 0, ...mqtt },
      amqp: { port: 0, ...amqp },
      ...rest,
    });
    return new World(await start(whole, { print: (line) => void lines.push(line) }), lines);
  }

  rule(rule: Rule) {
    return this.havoq.rules.add(rule);
  }

  /** The rule fired. */
  fired(rule: { fired: number }): Promise<void> {
    return until(() => rule.fired > 0);
  }

  get bootstrap(): string[] {
    return this.havoq.addresses().kafka!.ports.map((port) => `127.0.0.1:${port}`);
  }

  kafka(config: Partial<KafkaConfig> = {}): Kafka {
    return new Kafka({
      clientId: "app",
      brokers: this.bootstrap,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, maxRetryTime: 100, retries: 20 },
      ...config,
    });
  }

  async producer(config: Partial<KafkaConfig> = {}): Promise<Producer> {
    const producer = this.kafka(config).producer();
    await producer.connect();
    this.ends.push(() => producer.disconnect());
    return producer;
  }

  /** Joins a group and collects what it reads; `joined` settles with each generation it takes part in. */
  async consumer(topic: string, config: ConsumerConfig & { clientId?: string }): Promise<Reader> {
    const { clientId = "reader", ...rest } = config;
    const consumer = this.kafka({ clientId }).consumer({ maxWaitTimeInMs: 50, heartbeatInterval: 50, rebalanceTimeout: 3000, ...rest });
    const reader = new Reader(consumer);
    await consumer.connect();
    this.ends.push(() => consumer.disconnect());
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void reader.values.push(String(message.value)) });
    await until(() => reader.joins > 0);
    return reader;
  }

  admin(bootstrap = this.bootstrap): PlatformaticAdmin {
    const admin = new PlatformaticAdmin({ clientId: "admin", bootstrapBrokers: bootstrap, retries: 0, metadataMaxAge: 0 });
    this.ends.push(() => admin.close());
    return admin;
  }

  async mqtt(options: IClientOptions = {}): Promise<MqttClient> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.havoq.addresses().mqtt!.port}`, {
      reconnectPeriod: 20,
      protocolVersion: 5,
      ...options,
    });
    client.on("error", () => undefined);
    this.ends.push(() => client.endAsync(true));
    return client;
  }

  async amqp(name = "app"): Promise<ChannelModel> {
    const url = `amqp://guest:guest@127.0.0.1:${this.havoq.addresses().amqp!.port}`;
    const connection = await amqplib.connect(url, { clientProperties: { connection_name: name } });
    connection.on("error", () => undefined);
    this.ends.push(() => connection.close().catch(() => undefined));
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.havoq.rules.clear();
    this.havoq.control.heal();
    this.havoq.control.unblock({});
    // Clients that cannot reach their broker any more need not say goodbye.
    await Promise.race([Promise.allSettled(this.ends.reverse().map(async (end) => end())), Bun.sleep(2000)]);
    await this.havoq.stop();
  }
}

/** A member of a group with what it has read. */
export class Reader {
  readonly values: string[] = [];
  joins = 0;
  crashes = 0;

  constructor(readonly consumer: Consumer) {
    consumer.on("consumer.group_join", () => void this.joins++);
    consumer.on("consumer.crash", () => void this.crashes++);
  }

  async until(count: number): Promise<string[]> {
    await until(() => this.values.length >= count);
    return this.values;
  }
}

/** Settles once `state` holds. */
export async function until(state: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await state())) await Bun.sleep(2);
}

/** The error that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<any> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("this was to fail, and did not");
}
