import type { Registry } from "prom-client";
import type { Havoq } from "../havoq.ts";
import { counter, gauge, type Sample } from "./family.ts";

export function addMqtt(registry: Registry, { mqtt }: Havoq): void {
  if (mqtt === null) return;
  counter(registry, {
    name: "mqtt_messages_published_total",
    help: "Messages that came, by topic",
    labels: ["topic"],
    *read(): Iterable<Sample> {
      for (const [topic, messages] of mqtt.publishedByTopic()) yield [[topic], messages];
    },
  });
  counter(registry, { name: "mqtt_messages_delivered_total", help: "Copies that were sent", read: () => mqtt.delivered });
  gauge(registry, { name: "mqtt_clients_connected", help: "Sessions with a connection", read: () => mqtt.connected });
  gauge(registry, { name: "mqtt_subscriptions_active", help: "Subscriptions of all sessions", read: () => mqtt.subscriptions.size });
  gauge(registry, { name: "mqtt_retained_messages", help: "Retained messages", read: () => mqtt.retained.size });
}
