import type { Registry } from "prom-client";
import type { Havoq } from "../havoq.ts";
import { positions } from "../kafka/broker/inspect.ts";
import { DURATION_BUCKETS } from "../kafka/broker/metrics.ts";
import { counter, gauge, histogram, type Sample } from "./family.ts";

export function addKafka(registry: Registry, { kafka, net }: Havoq): void {
  if (kafka === null) return;
  const { topics, groups, metrics } = kafka;
  counter(registry, {
    name: "kafka_messages_produced_total",
    help: "Messages stored, by topic",
    labels: ["topic"],
    *read(): Iterable<Sample> {
      for (const [topic, messages] of metrics.gone.counts) yield [[topic], messages];
      for (const { name, messagesIn } of topics.values()) yield [[name], messagesIn];
    },
  });
  counter(registry, {
    name: "kafka_messages_consumed_total",
    help: "Messages fetched, by topic and the group of the client; empty for clients in none",
    labels: ["topic", "group"],
    *read(): Iterable<Sample> {
      for (const [key, messages] of metrics.goneOut.counts) yield [key.includes("\0") ? key.split("\0") : [key, key], messages];
      for (const { name, messagesOut } of topics.values()) for (const [group, messages] of messagesOut) yield [[name, group], messages];
    },
  });
  gauge(registry, {
    name: "kafka_consumer_lag",
    help: "Offsets between a group's committed position and the end",
    labels: ["group", "topic", "partition"],
    *read(): Iterable<Sample> {
      for (const group of groups.groups.values()) {
        for (const { topic, partition, lag } of positions(group, topics)) yield [[group.id, topic, String(partition)], lag];
      }
    },
  });
  gauge(registry, { name: "kafka_connections_active", help: "Open connections", read: () => net.counts.kafka.active });
  counter(registry, {
    name: "kafka_requests_total",
    help: "Requests carried out, by API and the first error in the answer (NONE: none)",
    labels: ["api", "error"],
    *read(): Iterable<Sample> {
      for (const [api, { errors }] of metrics.apis) for (const [error, count] of errors) yield [[api, error], count];
    },
  });
  histogram(
    registry,
    "kafka_request_duration_seconds",
    "From request to answer, by the clock of the brokers",
    "api",
    DURATION_BUCKETS,
    () => metrics.apis,
  );
}
