import { type Entry, Queue } from "../../core/queue.ts";
import type { Clock, Timer } from "../../core/time.ts";
import type { AnyMessage } from "../../hooks/plugin.ts";
import type { BrokerEvents, Departure } from "../../pipeline/broker-events.ts";
import { LONGEST, type QueueArguments } from "./arguments.ts";
import { Consumers, type Taker } from "./consumers.ts";
import { AmqpError } from "./errors.ts";
import type { Binding } from "./exchange.ts";
import type { Message } from "./message.ts";
import { Field, Table } from "./values.ts";

/** The queue that is none: who consumes from it gets the answers to requests that name it in `replyTo`. */
export const REPLY_TO = "amq.rabbitmq.reply-to";

export type Held = Entry<Message>;
/** Why a message left a queue for its dead letter exchange, as `x-death` spells it. */
export type DeathReason = "expired" | "maxlen" | "rejected" | "delivery_limit";

export interface QueueSettings {
  readonly durable: boolean;
  /** The connection that has the queue for itself, and takes it along when it ends. */
  readonly owner: object | null;
  readonly autoDelete: boolean;
  readonly arguments: Table;
}

/** Who listens to what happens to messages. */
export interface Listening {
  /** Null: nobody does. Read it anew each time. */
  readonly events: BrokerEvents | null;
  /** What a message is known as that no client published. */
  messageOf(vhost: string, message: Message): AnyMessage;
}

/** What a queue needs of the vhost it is in. */
export interface QueueHost {
  readonly name: string;
  readonly listening: Listening;
  readonly clock: Clock;
  deadLetter(queue: AmqpQueue, message: Message, reason: DeathReason): void;
  deleteQueue(queue: AmqpQueue): number;
}

/** A queue with its consumers. A message goes to a consumer that can take it, or waits. */
export class AmqpQueue {
  readonly kind = "queue";
  readonly consumers: Consumers;
  /** Exchanges that send to it. */
  readonly sources = new Set<Binding>();
  readonly items: Queue<Message>;
  /** Messages handed to consumers. */
  delivered = 0;
  isDeleted = false;
  private pumping = false;
  private idle: Timer | null = null;
  /** Above these a publisher is refused. */
  private readonly limits: { maxLength: number; maxBytes: number } | null;
  /** Messages need nothing more than to be put at the end. */
  private readonly plain: boolean;

  constructor(
    private readonly host: QueueHost,
    readonly name: string,
    readonly settings: QueueSettings,
    readonly given: QueueArguments,
  ) {
    const { maxLength, maxBytes } = given;
    const rejects = given.overflow !== "drop-head";
    this.items = new Queue(host.clock, rejects ? { maxLength: Infinity, maxBytes: Infinity } : { maxLength, maxBytes }, (entry, reason) =>
      host.deadLetter(this, entry.item, reason),
    );
    this.limits = rejects ? { maxLength, maxBytes } : null;
    this.plain = this.limits === null && given.messageTtl === Infinity && given.maxPriority === 0;
    this.consumers = new Consumers(given.singleActiveConsumer);
    this.touch();
  }

  /** What it is called in accounts of messages: its name, behind its vhost's where that is not "/". */
  get place(): string {
    return this.host.name === "/" ? this.name : `${this.host.name}/${this.name}`;
  }

  /** It stands behind `REPLY_TO` for one who consumes from there: nobody declared it. */
  get isReplyTo(): boolean {
    return this.name.startsWith(REPLY_TO);
  }

  /** Takes a message in. False: refused, the queue is full and says so to publishers. */
  offer(message: Message): boolean {
    const { items } = this;
    if (this.limits !== null && this.isFull(message.size)) {
      if (this.given.overflow === "reject-publish-dlx") this.host.deadLetter(this, message, "maxlen");
      else this.gone(message, "rejected by a full queue");
      return false;
    }
    if (items.ready === 0) {
      const taker = this.consumers.next();
      if (taker !== null) {
        this.delivered++;
        if (taker.noAck) taker.deliver(message, false);
        else {
          message.keep();
          taker.hold(items.handOver(message, message.size, this.expiry(message), this.rank(message)));
        }
        return true;
      }
    }
    message.keep();
    if (this.plain && !message.hasExpiration) items.push(message, message.size);
    else {
      items.push(message, message.size, this.expiry(message), this.rank(message));
      // With a time limit of zero it only lives if somebody takes it at once.
      items.expire();
    }
    return true;
  }

  /** Puts a message back that was here before; `expires` in milliseconds of the clock. */
  restore(message: Message, expires: number, deliveries: number): void {
    this.items.restore(message, message.size, expires, this.rank(message), deliveries);
  }

  /** Takes the next message for `basic.get`. */
  get(): Held | undefined {
    this.touch();
    const entry = this.items.shift();
    if (entry === undefined) return undefined;
    this.delivered++;
    // What has expired behind it is not counted as left.
    this.items.expire();
    return entry;
  }

  /** Hands out what waits while somebody can take it. */
  pump(): void {
    // A delivery may come back here through its consumer.
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.items.ready > 0) {
        const taker = this.consumers.next();
        if (taker === null) return;
        const entry = this.items.shift();
        if (entry === undefined) return;
        this.delivered++;
        if (taker.noAck) {
          this.items.settle();
          taker.deliver(this.outgoing(entry), entry.deliveries > 0);
        } else taker.hold(entry);
      }
    } finally {
      this.pumping = false;
    }
  }

  /** The entry was taken for good. */
  settle(): void {
    this.items.settle();
  }

  /** Entries come back to where they were, in a quorum queue to the end, and go to whoever can take them. */
  requeue(entries: readonly Held[]): void {
    const { events } = this.host.listening;
    for (const entry of entries) {
      if (this.isDeleted) this.gone(entry.item, "removed");
      else if (events !== null) events.returned({ protocol: "amqp", place: this.place, id: entry.item });
    }
    if (this.isDeleted) return;
    if (!this.given.isQuorum) this.items.requeue(entries);
    else {
      for (const entry of entries) {
        if (entry.deliveries < this.given.deliveryLimit) this.items.requeueLast(entry);
        else {
          this.items.settle();
          this.host.deadLetter(this, entry.item, "delivery_limit");
        }
      }
    }
    this.pump();
  }

  /** The message as receivers get it: a quorum queue adds how often it was delivered before, to what is got even when never. */
  outgoing({ item, deliveries }: Held, isGot = false): Message {
    if (!this.given.isQuorum || (deliveries === 0 && !isGot)) return item;
    const properties = item.properties();
    const headers = (properties.headers?.fields() ?? []).filter(([name]) => name !== "x-delivery-count");
    const counted = Table.ofFields([...headers, ["x-delivery-count", new Field("int64", deliveries)]]);
    return item.with(item.address, { ...properties, headers: counted });
  }

  /** The consumer does not want it. */
  reject(entry: Held): void {
    this.items.settle();
    if (!this.isDeleted) this.host.deadLetter(this, entry.item, "rejected");
  }

  /** A hook says that the time of a message, which is no entry of this queue any more, is over. */
  expired(message: Message): void {
    if (!this.isDeleted) this.host.deadLetter(this, message, "expired");
  }

  purge(): number {
    this.items.expire();
    for (const { item } of this.items) this.gone(item, "removed");
    return this.items.purge();
  }

  /** Throws ACCESS_REFUSED where the queue is, or would be, somebody's alone. */
  addConsumer(taker: Taker): void {
    const taken = this.consumers.exclusive !== null || (taker.exclusive && (this.consumers.count > 0 || this.given.singleActiveConsumer));
    if (taken) {
      throw new AmqpError("ACCESS_REFUSED", `queue '${this.name}' in vhost '${this.host.name}' in exclusive use`);
    }
    this.consumers.add(taker);
    this.touch();
  }

  removeConsumer(taker: Taker): void {
    if (!this.consumers.remove(taker) || this.isDeleted) return;
    this.touch();
    if (this.settings.autoDelete && this.consumers.count === 0) this.host.deleteQueue(this);
    else this.pump();
  }

  /** Begins the time anew after which an unused queue goes away. */
  touch(): void {
    const { expires } = this.given;
    if (expires > LONGEST) return;
    this.idle?.cancel();
    this.idle = this.consumers.count > 0 ? null : this.host.clock.after(expires, () => this.host.deleteQueue(this));
  }

  /** Tells the consumers; returns how many messages go with it. */
  close(): number {
    this.isDeleted = true;
    this.idle?.cancel();
    const lost = this.items.ready;
    for (const { item } of this.items) this.gone(item, "removed");
    this.items.close();
    for (const taker of this.consumers.clear()) taker.cancelled();
    return lost;
  }

  private gone(message: Message, why: Departure): void {
    const { events } = this.host.listening;
    if (events !== null) events.left({ protocol: "amqp", place: this.place, id: message }, why, null, false);
  }

  private isFull(size: number): boolean {
    return this.items.ready + 1 > this.limits!.maxLength || this.items.readyBytes + size > this.limits!.maxBytes;
  }

  private expiry(message: Message): number {
    let ttl = this.given.messageTtl;
    if (message.hasExpiration) ttl = Math.min(ttl, Number(message.properties().expiration));
    return ttl === Infinity ? Infinity : this.host.clock.now() + ttl;
  }

  private rank(message: Message): number {
    const { maxPriority } = this.given;
    if (maxPriority === 0) return 0;
    const priority = message.hasPriority ? message.properties().priority! : 0;
    return maxPriority - Math.min(maxPriority, priority);
  }
}
