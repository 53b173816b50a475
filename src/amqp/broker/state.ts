import type { AnyMessage } from "../../hooks/plugin.ts";
import type { Connection } from "../../net/connection.ts";
import type { BrokerEvents } from "../../pipeline/broker-events.ts";
import type { Host } from "../../pipeline/host.ts";
import { MemoryAlarm } from "../model/alarm.ts";
import type { Message } from "../model/message.ts";
import type { AmqpQueue, Held, Listening } from "../model/queue.ts";
import { Vhost } from "../model/vhost.ts";
import { AmqpMessageEvent } from "../pipeline/events.ts";
import type { AmqpOptions } from "./options.ts";

/** A message that a connection got and has not settled. */
export interface Unsettled {
  /** Null for one that a plugin made more of: there is nothing behind it. */
  readonly entry: Held | null;
  readonly queue: AmqpQueue;
}

/** An open connection, whichever version of the protocol it speaks. */
export interface BrokerConnection {
  readonly connection: Connection;
  unsettled(): IterableIterator<Unsettled>;
}

/** What all connections of one broker share. */
export class BrokerState implements Listening {
  readonly vhosts = new Map<string, Vhost>();
  readonly alarm: MemoryAlarm;
  readonly connections = new Set<BrokerConnection>();
  /** Messages that clients published, and that consumers were sent. */
  messagesIn = 0;
  messagesOut = 0;

  constructor(
    readonly options: AmqpOptions,
    readonly host: Host,
  ) {
    this.alarm = new MemoryAlarm(host.clock, this.vhosts, options.memoryLimit);
    for (const name of options.vhosts) this.vhosts.set(name, new Vhost(name, host.clock, this, host.random(`amqp names ${name}`)));
  }

  get events(): BrokerEvents | null {
    return this.host.events;
  }

  messageOf(vhost: string, message: Message): AnyMessage {
    return new AmqpMessageEvent(null, vhost, message, "", false);
  }

  /** Whether this user may come in with this password. */
  admits(user: string, password: string): boolean {
    const { users } = this.options;
    return users === null || (Object.hasOwn(users, user) && users[user] === password);
  }
}
