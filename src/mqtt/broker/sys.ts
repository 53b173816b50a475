import type { MqttBroker } from "./broker.ts";
import { Message } from "../wire/message.ts";
import { Retained } from "./retained.ts";

/** How often the values are looked at while somebody is subscribed, in milliseconds: Mosquitto's `sys_interval`. */
const INTERVAL = 10_000;

/** The broker's own topics, named as Mosquitto names them. They cost nothing while nobody is subscribed. */
export class Sys {
  private readonly retained = new Retained(Infinity);
  private readonly started: number;
  private running = false;

  constructor(private readonly broker: MqttBroker) {
    this.started = broker.host.clock.now();
  }

  private values(): Record<string, string | number> {
    const { broker } = this;
    const { connected } = broker;
    return {
      "$SYS/broker/version": `havoq ${process.env.HAVOQ_VERSION ?? "dev"}`,
      "$SYS/broker/uptime": `${Math.floor((broker.host.clock.now() - this.started) / 1000)} seconds`,
      "$SYS/broker/clients/connected": connected,
      "$SYS/broker/clients/disconnected": broker.sessions.size - connected,
      "$SYS/broker/clients/total": broker.sessions.size,
      "$SYS/broker/publish/messages/received": broker.received,
      "$SYS/broker/publish/messages/sent": broker.delivered,
      "$SYS/broker/publish/messages/dropped": broker.dropped,
      "$SYS/broker/retained messages/count": broker.retained.size,
      "$SYS/broker/subscriptions/count": broker.subscriptions.size,
    };
  }

  /** The values that a new subscription gets; from then on those that change are published. */
  match(filter: string): Message[] {
    this.refresh();
    if (!this.running) {
      this.running = true;
      this.broker.host.clock.after(INTERVAL, () => this.tick());
    }
    return this.retained.match(filter, this.broker.host.clock.now());
  }

  private tick(): void {
    const { subscriptions } = this.broker;
    this.running = this.retained.topics().some((topic) => !subscriptions.route(topic, Buffer.from(topic)).empty);
    if (!this.running) return;
    for (const message of this.refresh()) this.broker.route(message, subscriptions.route(message.topic, message.topicBytes));
    this.broker.host.clock.after(INTERVAL, () => this.tick());
  }

  /** Keeps what has changed and returns it. */
  private refresh(): Message[] {
    const now = this.broker.host.clock.now();
    return Object.entries(this.values()).flatMap(([topic, value]) => {
      const payload = Buffer.from(String(value));
      if (this.retained.get(topic, now)?.payload.equals(payload)) return [];
      const message = new Message(now, { topic, payload, qos: 0, retain: true });
      this.retained.keep(message);
      return [message];
    });
  }
}
