import type { Registry } from "prom-client";
import type { Havoq } from "../havoq.ts";
import { counter, gauge, type Sample } from "./family.ts";

/** An empty label is none to Prometheus: the default exchange goes by the name that RabbitMQ gives it in logs. */
const exchangeLabel = (name: string): string => (name === "" ? "amq.default" : name);

/** Exchanges and queues of one name in several vhosts are counted together. */
export function addAmqp(registry: Registry, { amqp, net }: Havoq): void {
  if (amqp === null) return;
  const { vhosts } = amqp;
  counter(registry, {
    name: "amqp_messages_published_total",
    help: "Messages that clients published, by exchange",
    labels: ["exchange"],
    *read(): Iterable<Sample> {
      for (const { exchanges, gonePublished } of vhosts.values()) {
        for (const [name, messages] of gonePublished.counts) yield [[exchangeLabel(name)], messages];
        for (const { name, published } of exchanges.values())
          if (published > 0 || !name.startsWith("amq.")) yield [[exchangeLabel(name)], published];
      }
    },
  });
  counter(registry, {
    name: "amqp_messages_delivered_total",
    help: "Messages handed to consumers, again and again where they came back, by queue",
    labels: ["queue"],
    *read(): Iterable<Sample> {
      for (const { queues, goneDelivered } of vhosts.values()) {
        for (const [name, messages] of goneDelivered.counts) yield [[name], messages];
        for (const { name, delivered } of queues.values()) yield [[name], delivered];
      }
    },
  });
  gauge(registry, {
    name: "amqp_queue_depth",
    help: "Messages that wait in a queue, without those that consumers hold",
    labels: ["queue"],
    *read(): Iterable<Sample> {
      for (const { queues } of vhosts.values()) for (const { name, items } of queues.values()) yield [[name], items.ready];
    },
  });
  gauge(registry, { name: "amqp_connections_active", help: "Open connections", read: () => net.counts.amqp.active });
}
