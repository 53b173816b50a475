import type { FixtureFile } from "./load.ts";
import type { FixtureFilter, Fixtures, FixturesOptions, FixtureStatus } from "./fixtures.ts";
import type { Protocol } from "../hooks/plugin.ts";
import type { AmqpBroker } from "../amqp/broker/broker.ts";
import type { KafkaCluster } from "../kafka/broker/cluster.ts";
import type { MqttBroker } from "../mqtt/broker/broker.ts";

interface Brokers {
  readonly kafka: KafkaCluster | null;
  readonly mqtt: MqttBroker | null;
  readonly amqp: AmqpBroker | null;
}

/** `havoq.fixtures`: what fixtures need is loaded with the first of them. */
export class FixtureRoom {
  private opened: Promise<Fixtures> | null = null;
  private fixtures: Fixtures | null = null;

  constructor(
    private readonly brokers: Brokers,
    private readonly options: Omit<FixturesOptions, "ports">,
  ) {}

  /** Loads a folder or file, for one protocol or for those that its folders are named after. Throws FixtureError. */
  async load(place: string, protocol: Protocol | null = null): Promise<FixtureStatus[]> {
    return (await this.open()).load(place, protocol);
  }

  /** Loads files that somebody else has read. Throws FixtureError. */
  async loadFiles(files: readonly FixtureFile[]): Promise<FixtureStatus[]> {
    return (await this.open()).loadFiles(files);
  }

  list(filter?: FixtureFilter): FixtureStatus[] {
    return this.fixtures?.list(filter) ?? [];
  }

  /** Starts all that have a pace, or one by its id. Throws FixtureError for one that there is not. */
  start(filter?: FixtureFilter | string): FixtureStatus[] {
    return this.some(filter)?.start(filter) ?? [];
  }

  stop(filter?: FixtureFilter | string): FixtureStatus[] {
    return this.some(filter)?.stop(filter) ?? [];
  }

  close(): void {
    this.fixtures?.close();
  }

  private some(filter: FixtureFilter | string | undefined): Fixtures | null {
    const id = typeof filter === "string" ? filter : filter?.id;
    if (this.fixtures === null && id !== undefined) throw new Error(`there is no fixture ${id}: none is loaded`);
    return this.fixtures;
  }

  private open(): Promise<Fixtures> {
    return (this.opened ??= (async () => {
      const [{ Fixtures }, { KafkaPort, MqttPort, AmqpPort }] = await Promise.all([import("./fixtures.ts"), import("./broker-ports.ts")]);
      const { kafka, mqtt, amqp } = this.brokers;
      const ports = { kafka: kafka && new KafkaPort(kafka), mqtt: mqtt && new MqttPort(mqtt), amqp: amqp && new AmqpPort(amqp) };
      return (this.fixtures = new Fixtures({ ...this.options, ports }));
    })());
  }
}
