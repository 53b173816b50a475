/** A havoq in this process with an account of its messages, and real clients that its end takes along. */
import amqplib from "amqplib";
import { Kafka, logLevel, type KafkaConfig } from "kafkajs";
import mqtt from "mqtt";
import { type Havoq, start, type StartOptions } from "../../src/app.ts";
import { DEFAULTS, type Config } from "../../src/config/config.ts";
import type { OracleOptions } from "../../src/oracle/oracle.ts";
import type { Finding, OracleReport } from "../../src/oracle/report.ts";

export class House implements AsyncDisposable {
  printed: string[] = [];
  private readonly ends: (() => Promise<unknown>)[] = [];

  private constructor(readonly havoq: Havoq) {}

  static async start(
    oracle: OracleOptions | false = {},
    change: (config: Config) => void = () => undefined,
    options: StartOptions = {},
  ): Promise<House> {
    const config = structuredClone(DEFAULTS);
    config.seed = 7;
    for (const part of [config.kafka, config.mqtt, config.amqp, config.admin]) part.port = 0;
    config.mqtt.websocket_port = 0;
    config.oracle = oracle as Config["oracle"];
    change(config);
    const printed: string[] = [];
    const house = new House(await start(config, { print: (line) => void printed.push(line), ...options }));
    house.printed = printed;
    return house;
  }

  report(): OracleReport {
    return this.havoq.oracle!.report();
  }

  /** What was found, without what changes from run to run. */
  findings(kind?: Finding["kind"]): Finding[] {
    return this.report().findings.filter((finding) => kind === undefined || finding.kind === kind);
  }

  kafka(clientId: string, config: Partial<KafkaConfig> = {}): Kafka {
    const { host, ports } = this.havoq.addresses().kafka!;
    return new Kafka({
      clientId,
      brokers: ports.map((port) => `${host}:${port}`),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20 },
      ...config,
    });
  }

  async mqtt(clientId: string, options: Parameters<typeof mqtt.connectAsync>[1] = {}): Promise<mqtt.MqttClient> {
    const { host, port } = this.havoq.addresses().mqtt!;
    const client = await mqtt.connectAsync(`mqtt://${host}:${port}`, { protocolVersion: 5, clientId, reconnectPeriod: 0, ...options });
    client.on("error", () => undefined);
    this.ends.push(() => client.endAsync(true));
    return client;
  }

  async amqp(name: string): Promise<Awaited<ReturnType<typeof amqplib.connect>>> {
    const { host, port } = this.havoq.addresses().amqp!;
    const connection = await amqplib.connect(`amqp://guest:guest@${host}:${port}/%2F`, { clientProperties: { connection_name: name } });
    connection.on("error", () => undefined);
    this.ends.push(() => connection.close());
    return connection;
  }

  /** Ended with the house. */
  with<T extends { disconnect(): Promise<void> }>(client: T): T {
    this.ends.push(() => client.disconnect());
    return client;
  }

  /** Settles when it holds; looks again whenever something may have changed. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.havoq.clock.sleep(2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.ends.map((end) => end().catch(() => undefined)));
    await this.havoq.stop();
  }
}
