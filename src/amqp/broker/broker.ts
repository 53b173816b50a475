import { notFound } from "../../core/errors.ts";
import type { AnyMessage, Outgoing } from "../../hooks/plugin.ts";
import type { Connection } from "../../net/connection.ts";
import type { Server } from "../../net/net.ts";
import type { Session } from "../../net/session.ts";
import { inTurn, Sent } from "../../pipeline/inject.ts";
import { Address, MadeMessage, type Message } from "../model/message.ts";
import { propertiesOf } from "../model/properties.ts";
import { copies, withoutBcc } from "../model/route.ts";
import { type Plain, Table } from "../model/values.ts";
import { Vhost } from "../model/vhost.ts";
import { acceptInternal } from "../pipeline/intake.ts";
import { Port } from "./port.ts";
import { countMessages, durableOf, load, save } from "./snapshot.ts";
import { BrokerState } from "./state.ts";

/** An AMQP broker. */
export class AmqpBroker extends BrokerState implements Server {
  readonly protocol = "amqp";
  private lives = 0;

  get maxConnections(): number {
    return this.options.maxConnections;
  }

  accept(connection: Connection): Session {
    return new Port(this, connection);
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
    const properties = propertiesOf(outgoing.properties ?? {});
    if (headers !== undefined && Object.keys(headers).length > 0) properties.headers = Table.of(headers as { [name: string]: Plain });
    if (properties.headers !== undefined) copies(properties.headers);
    const body = payload === null ? "" : payload instanceof Uint8Array || typeof payload === "string" ? payload : JSON.stringify(payload);
    const key = routingKey ?? (outgoing.key === undefined || outgoing.key === null ? "" : Buffer.from(outgoing.key as string).toString());
    return [vhost, new MadeMessage(new Address(exchange, key), properties, Buffer.from(body as string))];
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
    const behind = [...this.connections].filter((one) => connections.includes(one.connection) && !one.unsettled().next().done);
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
}
