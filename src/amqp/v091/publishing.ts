import { DecodeError, Reader } from "../../bytes/reader.ts";
import { EMPTY } from "../../bytes/writer.ts";
import type { Final, Later } from "../../hooks/chain.ts";
import { AmqpError, refusal } from "../model/errors.ts";
import { LONGEST } from "../model/arguments.ts";
import { type Address, Message } from "../model/message.ts";
import { type Route, withoutBcc } from "../model/route.ts";
import { directReplyTo, REPLY_TO } from "./reply-to.ts";
import type { Channel } from "./channel.ts";
import { readShortstr } from "./codec.ts";
import { AmqpMessageEvent } from "./events.ts";
import { erlang } from "./erlang.ts";
import { checkProperties, FLAG } from "./properties.ts";

const MANDATORY = 1;
const IMMEDIATE = 2;
/** Body frames from this size on are kept as they lie; smaller ones are gathered, as each view costs more than it saves. */
const PIECE = 4096;
const GATHER = 64 * 1024;

/**
 * The way in of a channel: `basic.publish`, its content header, its body frames, and what becomes
 * of the message. Who publishes to one address again and again pays for reading it once.
 */
export class Publishing {
  /** The last `basic.publish`, without ids: `ticket · exchange · routing key · bits`. */
  private last: Buffer = EMPTY;
  private address: Route | null = null;
  private bits = 0;
  /** The version of the hooks in which none wants to see what is published to that address. */
  private unwatchedAt = -1;

  /** What comes next: nothing, a content header, or body frames. */
  private expecting: "method" | "header" | "body" = "method";
  /** The content that is coming is not wanted. */
  private skipping = false;
  private head: Buffer = EMPTY;
  private propsStart = 0;
  private propsEnd = 0;
  private size = 0;
  private left = 0;
  private pieces: Buffer[] = [];
  /** Where small body frames are gathered: `gather[0, gathered)`. */
  private gather: Buffer = EMPTY;
  private gathered = 0;

  constructor(private readonly channel: Channel) {}

  get isExpecting(): boolean {
    return this.expecting !== "method";
  }

  /** What to say of a frame that is not the one expected. */
  unexpected(): AmqpError {
    if (this.expecting === "header")
      return new AmqpError("UNEXPECTED_FRAME", "expected content header for class 60, got non content header frame instead");
    if (this.expecting === "body") return new AmqpError("UNEXPECTED_FRAME", "expected content body, got non content body frame instead");
    this.channel.session.current = null;
    return new AmqpError("UNEXPECTED_FRAME", "expected method frame, got non method frame instead");
  }

  /** A `basic.publish` whose arguments are in `buf[at, stop)`. */
  begin(buf: Buffer, at: number, stop: number): void {
    const { last } = this;
    const size = stop - at;
    let i = last.length === size ? 0 : -1;
    if (i === 0) while (i < size && buf[at + i] === last[i]) i++;
    if (i !== size || this.address!.isStale) this.read(buf, at, stop);
    this.expecting = "header";
  }

  private read(buf: Buffer, at: number, stop: number): void {
    const reader = new Reader(buf, at, stop);
    try {
      reader.skip(2);
      const exchange = readShortstr(reader);
      const routingKey = readShortstr(reader);
      this.bits = reader.u8();
      if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes after the last argument`);
      this.address = this.channel.session.vhost.route(exchange, routingKey);
      this.unwatchedAt = -1;
    } catch (error) {
      throw error instanceof DecodeError ? error.at("basic.publish") : error;
    }
    this.last = Buffer.from(buf.subarray(at, stop));
  }

  /** The same, from arguments that were decoded: null to let the content pass unread. */
  expect(address: { exchange: string; routingKey: string; mandatory: boolean; immediate: boolean } | null): void {
    this.expecting = "header";
    this.last = EMPTY;
    this.skipping = address === null;
    if (address === null) return;
    this.unwatchedAt = -1;
    this.address = this.channel.session.vhost.route(address.exchange, address.routingKey);
    this.bits = (address.mandatory ? MANDATORY : 0) | (address.immediate ? IMMEDIATE : 0);
  }

  header(buf: Buffer, at: number, stop: number): void {
    if (this.expecting !== "header") throw this.unexpected();
    // Another channel may have been heard since the method.
    this.channel.session.current = "basic.publish";
    if (stop - at < 14) {
      this.channel.session.current = null;
      throw new AmqpError("FRAME_ERROR", `type 2, all octets = ${erlang(buf.subarray(at, stop))}: unknown_frame`);
    }
    const classId = (buf[at]! << 8) | buf[at + 1]!;
    // The weight is always zero: with another it is no header for RabbitMQ.
    if ((buf[at + 2]! | buf[at + 3]!) !== 0) throw this.unexpected();
    if (classId !== 60) {
      throw new AmqpError("UNEXPECTED_FRAME", `expected content header for class 60, got one for class ${classId} instead`);
    }
    this.head = buf;
    this.propsStart = at + 12;
    this.propsEnd = stop;
    this.size = this.left = buf.readUInt32BE(at + 4) * 0x1_0000_0000 + buf.readUInt32BE(at + 8);
    const { maxMessageSize } = this.channel.session.broker.options;
    if (this.size > maxMessageSize) {
      throw new AmqpError("PRECONDITION_FAILED", `message size ${this.size} is larger than configured max size ${maxMessageSize}`);
    }
    this.expecting = "body";
    if (this.size > 0) return;
    if (this.skipping) this.forget();
    else this.complete(new Message(this.address!.address, buf, at + 12, stop, stop, 0, null));
  }

  body(buf: Buffer, at: number, stop: number): void {
    if (this.expecting !== "body") throw this.unexpected();
    this.channel.session.current = "basic.publish";
    const { size, head } = this;
    const got = stop - at;
    if (got > this.left) throw new AmqpError("UNEXPECTED_FRAME", `body frame of ${got} bytes, ${this.left} were expected`);
    if (this.skipping) {
      this.left -= got;
      if (this.left === 0) this.forget();
      return;
    }
    if (got === size) {
      // All in one frame, as nearly always.
      if (buf === head) return this.complete(new Message(this.address!.address, buf, this.propsStart, this.propsEnd, at, size, null));
      if (got < PIECE) return this.complete(this.joined(buf, at, stop));
    }
    this.left -= got;
    this.append(buf, at, stop);
    if (this.left > 0) return;
    this.endGather();
    const { pieces } = this;
    this.pieces = [];
    this.complete(new Message(this.address!.address, head, this.propsStart, this.propsEnd, 0, size, pieces));
  }

  /** Header and body came in different chunks: they meet in bytes of their own. */
  private joined(buf: Buffer, at: number, stop: number): Message {
    const props = this.propsEnd - this.propsStart;
    const own = Buffer.allocUnsafeSlow(props + stop - at);
    this.head.copy(own, 0, this.propsStart, this.propsEnd);
    buf.copy(own, props, at, stop);
    return new Message(this.address!.address, own, 0, props, props, stop - at, null);
  }

  private append(buf: Buffer, at: number, stop: number): void {
    if (stop - at >= PIECE) {
      this.endGather();
      this.pieces.push(buf.subarray(at, stop) as Buffer);
      return;
    }
    if (this.gathered + stop - at > this.gather.length) {
      this.endGather();
      this.gather = Buffer.allocUnsafeSlow(Math.min(GATHER, this.left + stop - at));
    }
    buf.copy(this.gather, this.gathered, at, stop);
    this.gathered += stop - at;
  }

  private endGather(): void {
    if (this.gathered > 0) this.pieces.push(this.gather.subarray(0, this.gathered) as Buffer);
    this.gather = EMPTY;
    this.gathered = 0;
  }

  /** Forgets a message that has not wholly come. */
  forget(): void {
    this.expecting = "method";
    this.skipping = false;
    this.pieces = [];
    this.gather = this.head = EMPTY;
    this.gathered = 0;
  }

  // --- The whole message ------------------------------------------------------------------------

  private complete(message: Message): void {
    this.expecting = "method";
    const { connection, session } = this.channel;
    // Something was declared, bound or deleted while the content was on its way.
    if (this.address!.isStale) this.address = this.routeOf(message);
    checkProperties(message.buf, message.propsStart, message.propsEnd);
    const { hooks } = connection;
    if (hooks.observer === null && (hooks.message === null || hooks.version === this.unwatchedAt))
      return this.publish(this.address!, message, null);
    let told = false;
    const tell = (reason: string): void => {
      if (!told) session.tellBlocked(reason);
      told = true;
    };
    let event: AmqpMessageEvent | null = null;
    if (hooks.observer !== null) {
      event = new AmqpMessageEvent(connection, session.vhost.name, message, "", false, tell);
      hooks.observer.received(event);
    }
    if (hooks.message !== null) {
      const chain = hooks.message.select(connection, message.address.exchange)?.about("routingKey", message.address.routingKey) ?? null;
      if (chain !== null) {
        const asked = event ?? new AmqpMessageEvent(connection, session.vhost.name, message, "", false, tell);
        const decision = chain.decide(asked);
        if (!(decision instanceof Promise)) return this.obey(decision, asked);
        connection.holdInput(
          decision.then((final) => {
            if (told) session.tellUnblocked();
            session.guard(this.channel, () => this.obey(final, asked));
          }),
        );
        return;
      }
      this.unwatchedAt = hooks.version;
    }
    this.publish(this.address!, message, event);
  }

  /** Where a message goes as things are now. */
  private routeOf({ address }: Message): Route {
    const last = this.address!;
    return address === last.address && !last.isStale ? last : this.channel.session.vhost.route(address.exchange, address.routingKey);
  }

  private obey(final: Final | null, event: AmqpMessageEvent): void {
    const { channel } = this;
    const { message } = event;
    if (!channel.isOpen) return;
    channel.session.current = "basic.publish";
    const { observer } = channel.connection.hooks;
    if (observer !== null && final !== null && final.kind !== "duplicate" && final.kind !== "later") observer.refused(event, final.kind);
    switch (final?.kind) {
      case "hang":
      case "close":
        // Who hangs may be let go: the publisher counts this one, and never hears of it.
        channel.confirms?.skip();
        return channel.connection.obey(final);
      case "fail":
        if (final.code !== "nack") throw refusal(final);
        return this.nack(message.address);
      case "reroute":
      case "drop":
        if (final.kind === "reroute") channel.session.broker.reroute(event, final.to);
        if (channel.confirms !== null) channel.confirms.ack(channel.confirms.next(), message.address);
        return;
      case "later":
        if (channel.transaction === null) return this.setAside(final, message, event);
    }
    const route = this.routeOf(message);
    if (final?.kind === "duplicate") for (let i = 0; i < final.times; i++) this.route(route, message, false, event);
    this.publish(route, message, event);
  }

  /** The message is published, and confirmed, when others have passed it; also when its sender has left by then. */
  private setAside(later: Later, message: Message, event: AmqpMessageEvent): void {
    const { channel } = this;
    const { session } = channel;
    const mandatory = (this.bits & MANDATORY) !== 0;
    const sequence = channel.confirms?.skip() ?? 0;
    message.keep();
    later.go(() => {
      const route = session.vhost.route(message.address.exchange, message.address.routingKey);
      if (!channel.isOpen) this.route(route, message, false, event);
      else session.guard(channel, () => this.publish(route, message, event, mandatory, sequence));
    });
  }

  /** A hook took the message before it was published: its content passes unread, and it is never confirmed. */
  skip(): void {
    this.expect(null);
    this.channel.confirms?.skip();
  }

  /** Tells the publisher that its message was not taken; outside confirm mode there is nobody to tell. */
  nack(address: Address): void {
    const { confirms } = this.channel;
    confirms?.nack(confirms.next(), address);
  }

  /** @param event what the hooks and the observer know it as, where there are any @param number the message's among those to be confirmed, where it has one already */
  private publish(
    route: Route,
    given: Message,
    event: AmqpMessageEvent | null,
    mandatory = (this.bits & MANDATORY) !== 0,
    number?: number,
  ): void {
    const { channel } = this;
    const { session } = channel;
    if (this.bits & IMMEDIATE) throw new AmqpError("NOT_IMPLEMENTED", "immediate=true");
    const { exchange } = route;
    if (exchange === undefined)
      throw new AmqpError("NOT_FOUND", `no exchange '${route.address.exchange}' in vhost '${session.vhost.name}'`);
    if (exchange.settings.internal) {
      throw new AmqpError("ACCESS_REFUSED", `cannot publish to internal exchange '${exchange.name}' in vhost '${session.vhost.name}'`);
    }
    const message = given.flags & CHECKED ? this.checked(given) : given;
    const sequence = number ?? (channel.confirms === null ? 0 : channel.confirms.next());
    if (channel.transaction !== null) return channel.transaction.publish(route, message, mandatory, event);
    const accepted = this.route(route, message, mandatory, event);
    if (session.broker.alarm.over !== null) session.block(session.broker.alarm.over);
    if (sequence === 0) return;
    if (accepted) channel.confirms!.ack(sequence, route.address);
    else channel.confirms!.nack(sequence, route.address);
  }

  /** Puts the message into its queues. False: one of them refused it. */
  route(route: Route, message: Message, mandatory: boolean, event: AmqpMessageEvent | null, queues = route.queuesFor(message)): boolean {
    const { session } = this.channel;
    const { observer } = session.connection.hooks;
    session.broker.messagesIn++;
    session.broker.alarm.published();
    if (route.exchange !== undefined) route.exchange.published++;
    const copy = message.flags & FLAG.headers ? withoutBcc(message) : message;
    // An answer finds its asker without a queue: RabbitMQ delivers it, and returns it too.
    if (mandatory && (queues.length === 0 || queues.every(({ name }) => name.startsWith(REPLY_TO)))) this.returned(copy);
    let accepted = true;
    for (let i = 0; i < queues.length; i++) {
      if (observer !== null)
        observer.stored(queues[i]!.place, copy, event ?? new AmqpMessageEvent(session.connection, session.vhost.name, copy, "", false));
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
      throw new AmqpError("PRECONDITION_FAILED", `user_id property set to '${userId}' but authenticated user was '${user}'`);
    }
    if (expiration !== undefined && (!/^[+-]?\d+$/.test(expiration) || Number(expiration) < 0 || Number(expiration) > LONGEST)) {
      throw new AmqpError("PRECONDITION_FAILED", `invalid expiration '${expiration}': ${whyNot(expiration)}`);
    }
    if (replyTo === undefined) return message;
    const direct = directReplyTo(channel, replyTo);
    return direct === replyTo ? message : message.withProperties(message.address, { ...properties, replyTo: direct });
  }
}

const CHECKED = FLAG.userId | FLAG.expiration | FLAG.replyTo;

function whyNot(expiration: string): string {
  const value = /^[+-]?\d+/.exec(expiration);
  if (value === null) return "no_integer";
  if (value[0] !== expiration) return `{leftover_string,"${expiration.slice(value[0].length)}"}`;
  return `{${Number(expiration) < 0 ? "value_negative" : "value_too_large"},${Number(expiration)}}`;
}
