import { totalmem } from "node:os";
import { notFound } from "../core/errors.ts";
import { inTurn, Sent } from "../pipeline/inject.ts";
import type { AnyMessage, Outgoing } from "../hooks/plugin.ts";
import type { Connection } from "../net/connection.ts";
import type { CloseReason, Session } from "../net/session.ts";
import type { Server } from "../net/net.ts";
import type { BrokerEvents } from "../pipeline/broker-events.ts";
import type { Host } from "../pipeline/host.ts";
import { MemoryAlarm } from "./alarm.ts";
import { Address, Message } from "./model/message.ts";
import { copies, withoutBcc } from "./model/route.ts";
import { Vhost } from "./model/vhost.ts";
import { Port } from "./port.ts";
import { countMessages, durableOf, load, save } from "./snapshot.ts";
import type { AmqpConnection } from "./v091/connection.ts";
import { depart } from "./pipeline/connect.ts";
import { AmqpMessageEvent, basicProperties } from "./pipeline/events.ts";
import { acceptInternal } from "./pipeline/intake.ts";
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
  /** Connections that speak 0-9-1. */
  readonly sessions = new Set<AmqpConnection>();
  private lives = 0;
  /** Messages that clients published, and that consumers were sent. */
  messagesIn = 0;
  messagesOut = 0;

  constructor(
    readonly options: AmqpOptions,
    readonly host: Host,
  ) {
    this.maxConnections = options.maxConnections;
    this.alarm = new MemoryAlarm(host.clock, this.vhosts, options.memoryLimit);
    for (const name of options.vhosts) this.vhosts.set(name, new Vhost(name, host.clock, this, host.random(`amqp names ${name}`)));
  }

  get events(): BrokerEvents | null {
    return this.host.events;
  }

  /** What a message is known as that no client published. */
  messageOf(vhost: string, message: Message): AnyMessage {
    return new AmqpMessageEvent(null, vhost, message, "", false);
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
    const [vhost, message] = this.read(outgoing);
    vhost.publish(message);
  }

  /** Puts messages on their exchanges as a client would, through the `message` hooks; waits while the memory alarm is on. */
  send(messages: readonly Outgoing[]): Sent | Promise<Sent> {
    const sent = new Sent();
    const wait = inTurn(messages, (message) =>
      this.alarm.over === null ? this.sendOne(message, sent) : this.alarm.over.then(() => this.sendOne(message, sent)),
    );
    return wait instanceof Promise ? wait.then(() => sent) : sent;
  }

  private sendOne(outgoing: Outgoing, sent: Sent): void | Promise<void> {
    let vhost: Vhost, message: Message;
    try {
      if (outgoing.protocol !== "amqp") throw new TypeError(`a message for ${outgoing.protocol} came to AMQP`);
      [vhost, message] = this.read(outgoing);
    } catch (error) {
      return sent.refuse((error as Error).message);
    }
    return acceptInternal(this.host, vhost.name, message, sent, (given, origin) => this.store(vhost, given, sent, origin));
  }

  /** Counted as a client's; a queue that is full and refuses it refuses it here too. */
  private store(vhost: Vhost, given: Message, sent: Sent, origin: AnyMessage | null): void {
    const route = vhost.route(given.address.exchange, given.address.routingKey);
    this.messagesIn++;
    this.alarm.published();
    if (route.exchange !== undefined) route.exchange.published++;
    const message = withoutBcc(given);
    const { events } = this;
    let accepted = true;
    for (const queue of route.queuesFor(given)) {
      if (events !== null) events.stored(queue.place, message, origin ?? this.messageOf(vhost.name, message));
      if (!queue.offer(message)) accepted = false;
    }
    if (accepted) sent.accepted++;
    else sent.refuse("a queue is full");
  }

  private read(outgoing: Outgoing & { protocol: "amqp" }): [Vhost, Message] {
    const vhost = this.vhosts.get(outgoing.vhost ?? "/");
    if (vhost === undefined) throw notFound("vhost", String(outgoing.vhost), this.vhosts.keys());
    const { payload, headers, exchange = "", routingKey } = outgoing;
    vhost.exchange(exchange);
    const properties = basicProperties(outgoing.properties ?? {});
    if (headers !== undefined && Object.keys(headers).length > 0) properties.headers = FieldTable.of(headers as { [name: string]: Plain });
    if (properties.headers !== undefined) copies(properties.headers);
    const body = payload === null ? "" : payload instanceof Uint8Array || typeof payload === "string" ? payload : JSON.stringify(payload);
    const key = routingKey ?? (outgoing.key === undefined || outgoing.key === null ? "" : Buffer.from(outgoing.key as string).toString());
    return [vhost, Message.of(new Address(exchange, key), properties, Buffer.from(body as string))];
  }

  // --- The control surface ----------------------------------------------------------------------

  raiseAlarm(): void {
    this.alarm.raise();
  }
  clearAlarm(): void {
    this.alarm.lower();
  }

  /**
   * The process dies: what is durable is there when it comes back, with the persistent messages, those
   * included that consumers held. A publisher that waits for confirms was told so of nothing else, so
   * there is no unwritten tail to lose. Returns how many messages are lost.
   */
  die(): number {
    const all = save(this);
    const durable = durableOf(all);
    for (const connection of this.host.net.connections({ protocol: "amqp" })) connection.abort(true);
    this.clear();
    load(this, durable);
    return countMessages(all) - countMessages(durable);
  }

  /** Resets those of the connections that hold messages unacknowledged, which go back to their queues. */
  redeliver(connections: readonly Connection[]): number {
    const behind = [...this.sessions].filter((session) => connections.includes(session.connection) && !session.unsettled().next().done);
    for (const { connection } of behind) connection.abort(true);
    return behind.length;
  }

  /** Every vhost begins anew. Its connections have to be gone. */
  clear(): void {
    this.lives++;
    for (const [name, vhost] of this.vhosts) {
      for (const queue of vhost.queues.values()) queue.close();
      this.vhosts.set(name, new Vhost(name, this.host.clock, this, this.host.random(`amqp names ${name} ${this.lives}`)));
    }
  }

  /** A connection has ended. The socket's end waits for the promise. */
  closed(session: AmqpConnection, reason: CloseReason): void | Promise<unknown> {
    if (session.isKnown) return depart(this.host, session.connection, reason);
  }
}
