import { typeName } from "./arguments.ts";
import { AmqpError } from "./errors.ts";
import { type Destination, Exchange } from "./exchange.ts";
import { Address, type Message } from "./message.ts";
import type { AmqpQueue } from "./queue.ts";
import { type Field, Table } from "./values.ts";
import type { Vhost } from "./vhost.ts";

const NONE: readonly AmqpQueue[] = [];

/** Where an exchange sends messages with one routing key, worked out once for as long as nothing changes. */
export class Route {
  readonly address: Address;
  /** Undefined: there is no such exchange. */
  readonly exchange: Exchange | undefined;
  /** Something was declared, bound or deleted since: ask the vhost for another. */
  isStale = false;
  /** Null while unknown, and always where headers decide. */
  private known: readonly AmqpQueue[] | null = null;
  /** Headers decide, here or in an exchange further on. */
  private byHeaders = false;

  constructor(
    private readonly vhost: Vhost,
    exchange: string,
    routingKey: string,
  ) {
    this.address = new Address(exchange, routingKey);
    this.exchange = vhost.exchanges.get(exchange);
  }

  /** The queues for this message, each once. */
  queuesFor(message: Message): readonly AmqpQueue[] {
    if (this.known !== null && !message.mayHaveCopies) return this.known;
    if (this.exchange === undefined) return NONE;
    const headers = message.headers();
    const keys = headers === null ? [] : copies(headers);
    if (keys.length > 0) return this.resolve([this.address.routingKey, ...keys], headers);
    const queues = this.resolve([this.address.routingKey], headers);
    if (!this.byHeaders) this.known = queues;
    return queues;
  }

  /** Follows exchange after exchange; one that finds nothing hands on to its alternate. */
  private resolve(keys: readonly string[], headers: Table | null): AmqpQueue[] {
    const { vhost } = this;
    const queues = new Set<AmqpQueue>();
    const seen = new Set<Exchange>([this.exchange!]);
    // A set hands out what is added while it is walked.
    for (const exchange of seen) {
      const found = new Set<Destination>();
      for (const key of keys) {
        if (exchange.name === "") {
          const queue = vhost.queues.get(key);
          if (queue !== undefined) found.add(queue);
        } else exchange.router.route(key, headers, found);
      }
      if (exchange.router.byHeaders) this.byHeaders = true;
      // The default exchange knows its queues when it is published to: as an alternate it has no bindings.
      if (found.size === 0 && exchange.alternate !== null && exchange.alternate !== "") {
        const alternate = vhost.exchanges.get(exchange.alternate);
        if (alternate !== undefined) seen.add(alternate);
      }
      for (const destination of found) {
        if (destination instanceof Exchange) seen.add(destination);
        else queues.add(destination);
      }
    }
    return [...queues];
  }
}

/**
 * RabbitMQ's sender-selected distribution: the headers `CC` and `BCC` name more routing keys. Throws
 * PRECONDITION_FAILED for one that is no list.
 */
export function copies(headers: Table): string[] {
  const keys: string[] = [];
  for (const name of ["CC", "BCC"]) {
    const list = headers.field(name);
    if (list === undefined) continue;
    if (list.kind !== "list")
      throw new AmqpError("PRECONDITION_FAILED", `invalid message: {unacceptable_type_in_header,"${name}",${typeName(list)}}`);
    for (const { kind, value } of list.value as readonly Field[]) if (kind === "text") keys.push(value as string);
  }
  return keys;
}

/** The message as receivers get it: who got a blind copy is nobody's business. */
export function withoutBcc(message: Message): Message {
  if (!message.mayHaveCopies) return message;
  const properties = message.properties();
  const fields = properties.headers?.fields() ?? [];
  if (!fields.some(([name]) => name === "BCC")) return message;
  return message.with(message.address, {
    ...properties,
    headers: Table.ofFields(fields.filter(([name]) => name !== "BCC")),
  });
}
