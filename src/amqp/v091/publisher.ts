import type { AnyMessage } from "../../hooks/plugin.ts";
import { LONGEST } from "../model/arguments.ts";
import { refusal, ReplyError } from "./replies.ts";
import type { Address, Message } from "../model/message.ts";
import { type Route, withoutBcc } from "../model/route.ts";
import type { AmqpMessageEvent } from "../pipeline/events.ts";
import type { Publisher as PublisherOf } from "../pipeline/intake.ts";
import type { Channel } from "./channel.ts";
import { contentOf } from "./message.ts";
import { FLAG } from "./properties.ts";
import { directReplyTo } from "./reply-to.ts";

const MANDATORY = 1;
const IMMEDIATE = 2;

/** What a message is known as to those who saw it come. */
type Origin = AnyMessage;

/** Publishes the messages of one channel that have passed the stages: routes, confirms, returns. */
export class Publisher implements PublisherOf {
  /** Of the message that is published now: `mandatory`, `immediate`. */
  bits = 0;
  /** Where messages like the last one go. */
  private last: Route | null = null;

  constructor(private readonly channel: Channel) {}

  get vhost(): string {
    return this.channel.session.vhost.name;
  }

  /** @param route where the next messages to its address go, for as long as it is not stale */
  follow(route: Route, bits: number): void {
    this.last = route;
    this.bits = bits;
  }

  /** Where a message goes as things are now. */
  private routeOf({ address }: Message): Route {
    const { last } = this;
    if (last !== null && address === last.address && !last.isStale) return last;
    return this.channel.session.vhost.route(address.exchange, address.routingKey);
  }

  resume(): boolean {
    const { channel } = this;
    if (!channel.isOpen) return false;
    channel.session.current = "basic.publish";
    return true;
  }

  publish(message: Message, origin: Origin | null): void {
    this.publishTo(this.routeOf(message), message, origin, (this.bits & MANDATORY) !== 0);
  }

  publishAgain(message: Message, origin: Origin): void {
    this.route(this.routeOf(message), message, false, origin);
  }

  /** The message is published, and confirmed, when others have passed it; also when its sender has left by then. */
  publishLater(message: Message, origin: AmqpMessageEvent, go: (run: () => void) => void): void {
    const { channel } = this;
    const { session } = channel;
    // A transaction publishes at its commit, in the order in which it was told.
    if (channel.transaction !== null) return this.publish(message, origin);
    const mandatory = (this.bits & MANDATORY) !== 0;
    const sequence = channel.confirms?.skip() ?? 0;
    message.keep();
    go(() => {
      const route = session.vhost.route(message.address.exchange, message.address.routingKey);
      if (!channel.isOpen) this.route(route, message, false, origin);
      else session.guard(channel, () => this.publishTo(route, message, origin, mandatory, sequence));
    });
  }

  acknowledge(address: Address): void {
    const { confirms } = this.channel;
    if (confirms !== null) confirms.ack(confirms.next(), address);
  }

  withhold(): void {
    this.channel.confirms?.skip();
  }

  refuse(address: Address, why: { readonly code: string; readonly reason?: string }): void {
    if (why.code !== "nack") throw refusal(why);
    this.nack(address);
  }

  tellBlocked(reason: string): void {
    this.channel.session.tellBlocked(reason);
  }
  tellUnblocked(): void {
    this.channel.session.tellUnblocked();
  }
  guard(run: () => void): void {
    this.channel.session.guard(this.channel, run);
  }

  /** Tells the publisher that its message was not taken; outside confirm mode there is nobody to tell. */
  nack(address: Address): void {
    const { confirms } = this.channel;
    confirms?.nack(confirms.next(), address);
  }

  /** @param number the message's among those to be confirmed, where it has one already */
  private publishTo(route: Route, given: Message, origin: Origin | null, mandatory: boolean, number?: number): void {
    const { channel } = this;
    const { session } = channel;
    if (this.bits & IMMEDIATE) throw new ReplyError("NOT_IMPLEMENTED", "immediate=true");
    const { exchange } = route;
    if (exchange === undefined)
      throw new ReplyError("NOT_FOUND", `no exchange '${route.address.exchange}' in vhost '${session.vhost.name}'`);
    if (exchange.settings.internal) {
      throw new ReplyError("ACCESS_REFUSED", `cannot publish to internal exchange '${exchange.name}' in vhost '${session.vhost.name}'`);
    }
    const message = contentOf(given).flags & CHECKED ? this.checked(given) : given;
    const sequence = number ?? (channel.confirms === null ? 0 : channel.confirms.next());
    if (channel.transaction !== null) return channel.transaction.publish(route, message, mandatory, origin);
    const accepted = this.route(route, message, mandatory, origin);
    if (session.broker.alarm.over !== null) session.block(session.broker.alarm.over);
    if (sequence === 0) return;
    if (accepted) channel.confirms!.ack(sequence, route.address);
    else channel.confirms!.nack(sequence, route.address);
  }

  /** Puts the message into its queues. False: one of them refused it. */
  route(route: Route, message: Message, mandatory: boolean, origin: Origin | null, queues = route.queuesFor(message)): boolean {
    const { session } = this.channel;
    const { events } = session.broker.host;
    session.broker.messagesIn++;
    session.broker.alarm.published();
    if (route.exchange !== undefined) route.exchange.published++;
    const copy = message.hasHeaders ? withoutBcc(message) : message;
    // An answer finds its asker without a queue: RabbitMQ delivers it, and returns it too.
    if (mandatory && (queues.length === 0 || queues.every(({ isReplyTo }) => isReplyTo))) this.returned(copy);
    let accepted = true;
    for (let i = 0; i < queues.length; i++) {
      if (events !== null) events.stored(queues[i]!.place, copy, origin ?? session.broker.messageOf(session.vhost.name, copy));
      if (!queues[i]!.offer(copy)) accepted = false;
    }
    return accepted;
  }

  private returned(message: Message): void {
    const { channel } = this;
    const { exchange, routingKey } = message.address;
    channel.session.sendContent(channel, "basic.return", { replyCode: 312, replyText: "NO_ROUTE", exchange, routingKey }, message);
  }

  /** The properties that say something to the broker. */
  private checked(message: Message): Message {
    const { channel } = this;
    const properties = message.properties();
    const { userId, expiration, replyTo } = properties;
    const { user } = channel.session;
    if (userId !== undefined && userId !== user) {
      throw new ReplyError("PRECONDITION_FAILED", `user_id property set to '${userId}' but authenticated user was '${user}'`);
    }
    if (expiration !== undefined && (!/^[+-]?\d+$/.test(expiration) || Number(expiration) < 0 || Number(expiration) > LONGEST)) {
      throw new ReplyError("PRECONDITION_FAILED", `invalid expiration '${expiration}': ${whyNot(expiration)}`);
    }
    if (replyTo === undefined) return message;
    const direct = directReplyTo(channel, replyTo);
    return direct === replyTo ? message : message.with(message.address, { ...properties, replyTo: direct });
  }
}

const CHECKED = FLAG.userId | FLAG.expiration | FLAG.replyTo;

function whyNot(expiration: string): string {
  const value = /^[+-]?\d+/.exec(expiration);
  if (value === null) return "no_integer";
  if (value[0] !== expiration) return `{leftover_string,"${expiration.slice(value[0].length)}"}`;
  return `{${Number(expiration) < 0 ? "value_negative" : "value_too_large"},${Number(expiration)}}`;
}
