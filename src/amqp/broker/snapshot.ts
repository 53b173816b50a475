import { Address } from "../model/message.ts";
import type { AmqpQueue, Held } from "../model/queue.ts";
import type { Vhost } from "../model/vhost.ts";
import { bytesOf, FieldTable } from "../v091/fields.ts";
import { Content, contentOf } from "../v091/message.ts";
import { decodeProperties } from "../v091/properties.ts";
import type { BrokerState } from "./state.ts";

/** A vhost as plain data: what outlives the connections of its clients. Tables and properties stay as they are on the wire. */
export interface VhostState {
  name: string;
  exchanges: { name: string; type: string; durable: boolean; autoDelete: boolean; internal: boolean; arguments: Uint8Array }[];
  queues: QueueState[];
  bindings: { source: string; kind: "queue" | "exchange"; destination: string; routingKey: string; arguments: Uint8Array }[];
}

interface QueueState {
  name: string;
  durable: boolean;
  autoDelete: boolean;
  arguments: Uint8Array;
  /** The next one first. What consumers hold counts as given back. */
  messages: MessageState[];
}

interface MessageState {
  exchange: string;
  routingKey: string;
  properties: Uint8Array;
  body: Uint8Array;
  /** How often it was handed out. */
  deliveries: number;
  /** Milliseconds until it expires; null: never. */
  expiresIn: number | null;
}

/** Everything but what belongs to single connections. */
export function save(broker: BrokerState): VhostState[] {
  const held = new Map<AmqpQueue, Held[]>();
  for (const one of broker.connections) {
    for (const { entry, queue } of one.unsettled()) {
      if (entry === null) continue;
      const entries = held.get(queue);
      if (entries === undefined) held.set(queue, [entry]);
      else entries.push(entry);
    }
  }
  const now = broker.host.clock.now();
  return [...broker.vhosts.values()].map((vhost) => saveVhost(vhost, held, now));
}

function saveVhost(vhost: Vhost, held: ReadonlyMap<AmqpQueue, readonly Held[]>, now: number): VhostState {
  const lasting = (queue: AmqpQueue): boolean => queue.settings.owner === null && !queue.isReplyTo;
  const state: VhostState = { name: vhost.name, exchanges: [], queues: [], bindings: [] };
  for (const { name, settings, bindings } of vhost.exchanges.values()) {
    const { type, durable, autoDelete, internal } = settings;
    if (!isPredeclared(name)) state.exchanges.push({ name, type, durable, autoDelete, internal, arguments: bytesOf(settings.arguments) });
    for (const { destination, routingKey, arguments: table } of bindings.values()) {
      if (destination.kind === "queue" && !lasting(destination)) continue;
      state.bindings.push({ source: name, kind: destination.kind, destination: destination.name, routingKey, arguments: bytesOf(table) });
    }
  }
  for (const queue of vhost.queues.values()) {
    if (!lasting(queue)) continue;
    const out = (held.get(queue) ?? []).map((entry) => ({ entry, deliveries: entry.deliveries + 1 }));
    const ready = [...queue.items].map((entry) => ({ entry, deliveries: entry.deliveries }));
    const messages = [...out, ...ready]
      .sort((a, b) => a.entry.position - b.entry.position)
      .map(({ entry, deliveries }) => {
        const { item, expires } = entry;
        const { exchange, routingKey } = item.address;
        const { buf, propsStart, propsEnd } = contentOf(item);
        const properties = buf.subarray(propsStart, propsEnd);
        return { exchange, routingKey, properties, body: item.body(), deliveries, expiresIn: expires === Infinity ? null : expires - now };
      });
    const { durable, autoDelete } = queue.settings;
    state.queues.push({ name: queue.name, durable, autoDelete, arguments: bytesOf(queue.settings.arguments), messages });
  }
  return state;
}

/**
 * What is left of it after the broker was killed. What classic queues get back from the disk RabbitMQ takes for
 * delivered, whether it was or not.
 */
export function durableOf(states: readonly VhostState[]): VhostState[] {
  return states.map(({ name, exchanges, queues, bindings }) => {
    const left = exchanges.filter(({ durable }) => durable);
    const kept = queues.filter(({ durable }) => durable);
    const isExchange = (one: string): boolean => isPredeclared(one) || left.some((exchange) => exchange.name === one);
    return {
      name,
      exchanges: left,
      queues: kept.map((queue) => {
        if (isQuorum(queue)) return queue; // keeps whatever it is given, and count of it
        const messages = queue.messages
          .filter(isPersistent)
          .map((message) => ({ ...message, deliveries: Math.max(1, message.deliveries) }));
        return { ...queue, messages };
      }),
      bindings: bindings.filter(
        ({ source, kind, destination }) =>
          isExchange(source) && (kind === "exchange" ? isExchange(destination) : kept.some((queue) => queue.name === destination)),
      ),
    };
  });
}

function isQuorum(queue: QueueState): boolean {
  return tableOf(queue.arguments).get("x-queue-type") === "quorum";
}

function isPersistent({ properties }: MessageState): boolean {
  return decodeProperties(bufferOf(properties), 0, properties.length).deliveryMode === 2;
}

/** Puts everything into vhosts that hold nothing yet. */
export function load(broker: BrokerState, states: readonly VhostState[]): void {
  const now = broker.host.clock.now();
  for (const { name, exchanges, queues, bindings } of states) {
    const vhost = broker.vhosts.get(name);
    if (vhost === undefined) continue;
    for (const { name, arguments: table, ...settings } of exchanges)
      vhost.declareExchange(name, { ...settings, arguments: tableOf(table) });
    for (const { name, durable, autoDelete, arguments: table } of queues) {
      vhost.restoreQueue(name, { durable, autoDelete, owner: null, arguments: tableOf(table).keep() });
    }
    for (const { source, kind, destination, routingKey, arguments: table } of bindings) {
      const find = () => (kind === "queue" ? vhost.queue(destination, null) : vhost.exchange(destination));
      vhost.bind(source, find, routingKey, tableOf(table));
    }
    for (const { name, messages } of queues) {
      const queue = vhost.queues.get(name)!;
      for (const { exchange, routingKey, properties, body, deliveries, expiresIn } of messages) {
        const buf = Buffer.concat([properties, body]);
        const at = properties.length;
        const message = new Content(new Address(exchange, routingKey), buf, 0, at, at, body.length, null);
        queue.restore(message, expiresIn === null ? Infinity : now + expiresIn, deliveries);
      }
    }
  }
}

export function countMessages(states: readonly VhostState[]): number {
  return states.reduce((sum, { queues }) => queues.reduce((all, { messages }) => all + messages.length, sum), 0);
}

function isPredeclared(exchange: string): boolean {
  return exchange === "" || exchange.startsWith("amq.");
}

function tableOf(bytes: Uint8Array): FieldTable {
  return new FieldTable(bufferOf(bytes));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
