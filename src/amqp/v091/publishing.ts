import { DecodeError, Reader } from "../../bytes/reader.ts";
import { EMPTY } from "../../bytes/writer.ts";
import { ReplyError } from "./replies.ts";
import type { Route } from "../model/route.ts";
import { Intake } from "../pipeline/intake.ts";
import type { Channel } from "./channel.ts";
import { readShortstr } from "./codec.ts";
import { erlang } from "./erlang.ts";
import { Content } from "./message.ts";
import { checkProperties } from "./properties.ts";
import { Publisher } from "./publisher.ts";

const MANDATORY = 1;
const IMMEDIATE = 2;
/** Body frames from this size on are kept as they lie; smaller ones are gathered, as each view costs more than it saves. */
const PIECE = 4096;
const GATHER = 64 * 1024;

/**
 * Puts the messages of a channel together: `basic.publish`, its content header, its body frames. A
 * client that publishes to one address again and again pays for reading it once.
 */
export class Publishing {
  /** The last `basic.publish`, without ids: `ticket · exchange · routing key · bits`. */
  private last: Buffer = EMPTY;
  private address: Route | null = null;
  private bits = 0;

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

  readonly publisher: Publisher;
  private readonly intake: Intake;

  constructor(private readonly channel: Channel) {
    const { connection, session } = channel;
    const { host } = session.broker;
    this.publisher = new Publisher(channel);
    this.intake = new Intake(host.pipeline, connection, this.publisher, host);
  }

  get isExpecting(): boolean {
    return this.expecting !== "method";
  }

  /** What to say of a frame that is not the one expected. */
  unexpected(): ReplyError {
    if (this.expecting === "header")
      return new ReplyError("UNEXPECTED_FRAME", "expected content header for class 60, got non content header frame instead");
    if (this.expecting === "body") return new ReplyError("UNEXPECTED_FRAME", "expected content body, got non content body frame instead");
    this.channel.session.current = null;
    return new ReplyError("UNEXPECTED_FRAME", "expected method frame, got non method frame instead");
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
    this.address = this.channel.session.vhost.route(address.exchange, address.routingKey);
    this.bits = (address.mandatory ? MANDATORY : 0) | (address.immediate ? IMMEDIATE : 0);
  }

  header(buf: Buffer, at: number, stop: number): void {
    if (this.expecting !== "header") throw this.unexpected();
    // Another channel may have been heard since the method.
    this.channel.session.current = "basic.publish";
    if (stop - at < 14) {
      this.channel.session.current = null;
      throw new ReplyError("FRAME_ERROR", `type 2, all octets = ${erlang(buf.subarray(at, stop))}: unknown_frame`);
    }
    const classId = (buf[at]! << 8) | buf[at + 1]!;
    // The weight is always zero: with another it is no header for RabbitMQ.
    if ((buf[at + 2]! | buf[at + 3]!) !== 0) throw this.unexpected();
    if (classId !== 60) {
      throw new ReplyError("UNEXPECTED_FRAME", `expected content header for class 60, got one for class ${classId} instead`);
    }
    this.head = buf;
    this.propsStart = at + 12;
    this.propsEnd = stop;
    this.size = this.left = buf.readUInt32BE(at + 4) * 0x1_0000_0000 + buf.readUInt32BE(at + 8);
    const { maxMessageSize } = this.channel.session.broker.options;
    if (this.size > maxMessageSize) {
      throw new ReplyError("PRECONDITION_FAILED", `message size ${this.size} is larger than configured max size ${maxMessageSize}`);
    }
    this.expecting = "body";
    if (this.size > 0) return;
    if (this.skipping) this.forget();
    else this.complete(new Content(this.address!.address, buf, at + 12, stop, stop, 0, null));
  }

  body(buf: Buffer, at: number, stop: number): void {
    if (this.expecting !== "body") throw this.unexpected();
    this.channel.session.current = "basic.publish";
    const { size, head } = this;
    const got = stop - at;
    if (got > this.left) throw new ReplyError("UNEXPECTED_FRAME", `body frame of ${got} bytes, ${this.left} were expected`);
    if (this.skipping) {
      this.left -= got;
      if (this.left === 0) this.forget();
      return;
    }
    if (got === size) {
      // All in one frame, as nearly always.
      if (buf === head) return this.complete(new Content(this.address!.address, buf, this.propsStart, this.propsEnd, at, size, null));
      if (got < PIECE) return this.complete(this.joined(buf, at, stop));
    }
    this.left -= got;
    this.append(buf, at, stop);
    if (this.left > 0) return;
    this.endGather();
    const { pieces } = this;
    this.pieces = [];
    this.complete(new Content(this.address!.address, head, this.propsStart, this.propsEnd, 0, size, pieces));
  }

  /** Header and body came in different chunks: they meet in bytes of their own. */
  private joined(buf: Buffer, at: number, stop: number): Content {
    const props = this.propsEnd - this.propsStart;
    const own = Buffer.allocUnsafeSlow(props + stop - at);
    this.head.copy(own, 0, this.propsStart, this.propsEnd);
    buf.copy(own, props, at, stop);
    return new Content(this.address!.address, own, 0, props, props, stop - at, null);
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

  private complete(message: Content): void {
    this.expecting = "method";
    // Something was declared, bound or deleted while the content was on its way.
    if (this.address!.isStale) {
      const { exchange, routingKey } = message.address;
      this.address = this.channel.session.vhost.route(exchange, routingKey);
    }
    checkProperties(message.buf, message.propsStart, message.propsEnd);
    this.publisher.follow(this.address!, this.bits);
    this.intake.accept(message);
  }

  /** A hook took the message before it was published: its content passes unread, and it is never confirmed. */
  skip(): void {
    this.expect(null);
    this.publisher.withhold();
  }
}
