import { totalmem } from "node:os";
import type { Target, Outgoing } from "../hooks/plugin.ts";
import type { CloseReason, Connection, Session } from "../net/connection.ts";
import type { Host, Server } from "../net/net.ts";
import { MemoryAlarm } from "./alarm.ts";
import { Address, Message } from "./model/message.ts";
import { Vhost } from "./model/vhost.ts";
import { Port } from "./port.ts";
import type { AmqpConnection } from "./v091/connection.ts";
import { AmqpConnectEvent, type AmqpMessageEvent, basicProperties } from "./v091/events.ts";
import { FieldTable, type Plain } from "./v091/fields.ts";

export interface AmqpOptions {
  maxConnections: number;
  /** Seconds between heartbeats that the broker suggests; 0: none. */
  heartbeatInterval: number;
  /** Bytes of the largest frame. */
  frameMax: number;
  channelMax: number;
  /** Bytes of the largest message. */
  maxMessageSize: number;
  /** Bytes that queues may hold before publishers have to wait. */
  memoryLimit: number;
  vhosts: readonly string[];
  /** Passwords by user name; null lets everybody in. */
  users: Readonly<Record<string, string>> | null;
}

export const AMQP_DEFAULTS: AmqpOptions = {
  maxConnections: 1000,
  heartbeatInterval: 60,
  frameMax: 131072,
  channelMax: 2047,
  maxMessageSize: 128 * 1024 * 1024,
  // RabbitMQ's high watermark.
  memoryLimit: 0.4 * totalmem(),
  vhosts: ["/"],
  users: null,
};

/** An AMQP broker: what all its connections share. */
export class AmqpBroker implements Server {
  readonly protocol = "amqp";
  readonly maxConnections: number;
  readonly vhosts = new Map<string, Vhost>();
  readonly alarm: MemoryAlarm;
  /** Messages that clients published, and that consumers were sent. */
  messagesIn = 0;
  messagesOut = 0;

  constructor(readonly options: AmqpOptions, readonly host: Host) {
    this.maxConnections = options.maxConnections;
    this.alarm = new MemoryAlarm(host.clock, this.vhosts, options.memoryLimit);
    for (const name of options.vhosts) this.vhosts.set(name, new Vhost(name, host.clock, host.random(`amqp names ${name}`)));
  }

  accept(connection: Connection): Session {
    return new Port(this, connection);
  }

  /** Whether this user may come in with this password. */
  admits(user: string, password: string): boolean {
    const { users } = this.options;
    return users === null || (Object.hasOwn(users, user) && users[user] === password);
  }

  /** Puts a message on an exchange as a client would, past the `message` hooks. Throws for a vhost or exchange that is not there. */
  publish(outgoing: Outgoing & { protocol: "amqp" }): void {
    const vhost = this.vhosts.get(outgoing.vhost ?? "/");
    if (vhost === undefined) throw new Error(`there is no vhost ${outgoing.vhost}`);
    const { payload, headers, exchange = "", routingKey } = outgoing;
    vhost.exchange(exchange);
    const properties = basicProperties(outgoing.properties ?? {});
    if (headers !== undefined && Object.keys(headers).length > 0) properties.headers = FieldTable.of(headers as { [name: string]: Plain });
    const body = payload === null ? "" : payload instanceof Uint8Array || typeof payload === "string" ? payload : JSON.stringify(payload);
    const key = routingKey ?? (outgoing.key === undefined || outgoing.key === null ? "" : Buffer.from(outgoing.key as string).toString());
    vhost.publish(Message.of(new Address(exchange, key), properties, Buffer.from(body as string)));
  }

  /** A plugin sends a message somewhere else. */
  reroute(event: AmqpMessageEvent, to: Target): void {
    const { payload, headers, properties, routingKey } = event;
    if (to.protocol === "amqp") this.host.publish({ exchange: event.exchange, routingKey, vhost: event.vhost, ...to, payload, headers: { ...headers }, properties: { ...properties } });
    else this.host.publish({ ...to, payload, key: routingKey, headers: { ...headers } });
  }

  /** A connection has ended. The socket's end waits for the promise. */
  closed(session: AmqpConnection, reason: CloseReason): void | Promise<unknown> {
    const { connection } = session;
    if (this.host.hooks.disconnect === null || !session.isKnown) return;
    const decision = this.host.hooks.disconnect.select(connection, "")?.decide(new AmqpConnectEvent(connection, "disconnect", reason));
    if (decision instanceof Promise) return decision;
  }
}
