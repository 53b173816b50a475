import type { AmqpQueue } from "../amqp/model/queue.ts";
import type { KafkaRecord } from "../kafka/wire/records.ts";
import type { Message } from "../mqtt/wire/message.ts";
import { plain, shown, type StoredMessage } from "./message.ts";

/** Stored messages of each protocol in the one form that the API shows. */

export function ofRecord(topic: string, partition: number, { offset, timestamp, key, value, headers }: KafkaRecord): StoredMessage {
  return {
    protocol: "kafka",
    destination: topic,
    partition,
    offset,
    key: key?.toString() ?? null,
    ...shown(value),
    headers: Object.fromEntries(headers.map((header) => [header.key, plain(header.value)])),
    timestamp,
  };
}

export function ofRetained(message: Message, now: number): StoredMessage {
  const { userProperties = [], ...properties } = message.properties(now);
  return {
    protocol: "mqtt",
    destination: message.topic,
    key: null,
    ...shown(message.payload),
    headers: Object.fromEntries(userProperties),
    properties: { qos: message.qos, ...(plain(properties) as object) },
  };
}

export function ofHeld(vhost: string, queue: string, { item, deliveries }: { item: AmqpItem; deliveries: number }): StoredMessage {
  const { headers, ...properties } = item.properties();
  return {
    protocol: "amqp",
    destination: queue,
    vhost,
    exchange: item.address.exchange,
    key: item.address.routingKey,
    ...shown(item.body()),
    headers: (plain(headers?.toObject() ?? {}) ?? {}) as Record<string, unknown>,
    properties: plain(properties) as Record<string, unknown>,
    redelivered: deliveries > 0,
  };
}

type AmqpItem = AmqpQueue["items"] extends Iterable<{ item: infer Item }> ? Item : never;
