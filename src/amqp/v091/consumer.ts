import type { Connection } from "../../net/connection.ts";
import type { Final, Later } from "../../hooks/chain.ts";
import type { Delivered } from "../../hooks/observer.ts";
import type { Taker } from "../model/consumers.ts";
import type { Message } from "../model/message.ts";
import type { AmqpQueue, Held } from "../model/queue.ts";
import type { Channel } from "./channel.ts";
import { DeliverFrame } from "./content.ts";
import { AmqpMessageEvent } from "./events.ts";
import { Delivery } from "./unacked.ts";

/** Deliveries of one consumer that may wait for their verdicts at one time. */
const UNDECIDED_MOST = 1000;

export interface ConsumerSettings {
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  /** Most unsettled messages; 0: any number. */
  readonly prefetch: number;
}

/** One `basic.consume`. */
export class Consumer implements Taker {
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  isBlocked = false;
  private readonly prefetch: number;
  private readonly frame: DeliverFrame;
  private held = 0;
  /** Deliveries that wait for a verdict, or behind one. */
  private undecided = 0;
  /** Lets those go out that let others pass; null while there are none. */
  private aside: Set<() => void> | null = null;
  private isOver = false;
  /** The version of the hooks in which none wants to see what is delivered. */
  private unwatchedAt = -1;

  constructor(
    readonly channel: Channel,
    readonly queue: AmqpQueue,
    readonly tag: string,
    settings: ConsumerSettings,
  ) {
    this.noAck = settings.noAck;
    this.exclusive = settings.exclusive;
    this.priority = settings.priority;
    this.prefetch = settings.prefetch;
    this.frame = new DeliverFrame(channel.id, tag);
  }

  get ready(): boolean {
    const { channel } = this;
    if (!channel.isOpen || this.undecided >= UNDECIDED_MOST) return false;
    if (!this.noAck) {
      if (this.prefetch !== 0 && this.held >= this.prefetch) return false;
      if (channel.prefetch !== 0 && channel.held >= channel.prefetch) return false;
    }
    return channel.connection.writable;
  }

  deliver(message: Message, redelivered: boolean): void {
    const { connection } = this.channel;
    if (this.isWatched(connection) || connection.waiting) this.deliverInTurn(message, redelivered, null);
    else this.send(message, redelivered, null, message, null);
  }

  private isWatched({ hooks }: Connection): boolean {
    return hooks.delivery !== null && hooks.version !== this.unwatchedAt && this.looksWatched(hooks);
  }

  private looksWatched(hooks: Connection["hooks"]): boolean {
    const watched = hooks.delivery !== null && hooks.delivery.select(this.channel.connection, this.queue.name) !== null;
    if (!watched) this.unwatchedAt = hooks.version;
    return watched;
  }

  hold(entry: Held): void {
    this.held++;
    this.channel.held++;
    const { connection } = this.channel;
    const message = entry.deliveries === 0 ? entry.item : this.queue.outgoing(entry);
    if (this.isWatched(connection) || connection.waiting) this.deliverInTurn(message, entry.deliveries > 0, entry);
    else this.send(message, entry.deliveries > 0, entry, entry.item, null);
  }

  /** A message of this consumer was settled. */
  release(): void {
    this.held--;
    this.channel.held--;
    if (this.isBlocked) this.unblock();
  }

  /** Takes its place among the others again, when it can take messages. */
  unblock(): void {
    if (this.ready) this.queue.consumers.unblock(this);
  }

  /** It is about to be told that nothing more comes: what stepped aside goes first. */
  end(): void {
    this.isOver = true;
    for (const go of this.aside ?? []) go();
  }

  cancelled(): void {
    this.end();
    this.channel.consumerGone(this);
  }

  /** @param kept the message as the queue knows it, before any hook changed it @param event what the hooks were asked about */
  private send(message: Message, redelivered: boolean, entry: Held | null, kept: Message, event: object | null): void {
    const { channel } = this;
    const { session } = channel;
    const { observer } = channel.connection.hooks;
    const tag = channel.nextTag();
    if (observer !== null) observer.delivered(this.delivery(kept, tag, event), this.noAck);
    if (!this.noAck) channel.unacked.add(new Delivery(tag, entry, this.queue, this));
    session.spoke = true;
    session.broker.messagesOut++;
    this.frame.write(channel.connection.out, tag, redelivered, message, session.frameMax);
  }

  private delivery(kept: Message, tag: number, event: object | null): Delivered {
    return { protocol: "amqp", place: this.queue.place, id: kept, consumer: "", connection: this.channel.connection, tag, event };
  }

  private deliverInTurn(message: Message, redelivered: boolean, entry: Held | null): void {
    const { channel, queue } = this;
    const { connection, session } = channel;
    const chain = connection.hooks.delivery?.select(connection, queue.name) ?? null;
    const event = new AmqpMessageEvent(connection, session.vhost.name, message, queue.name, redelivered);
    const decision = chain?.decide(event) ?? null;
    message.keep();
    // Until it has a delivery tag nobody can settle it, but the channel's end gives it back.
    const limbo = entry === null ? null : new Delivery(0, entry, queue, this);
    if (limbo !== null) channel.untagged.add(limbo);
    this.undecided++;
    const settle = (final: Final | null): void => {
      if (final?.kind === "later" && !this.isOver) return this.setAside(final, () => connection.inOrder(null, settle));
      this.undecided--;
      if (!channel.isOpen) return;
      this.obey(final?.kind === "later" ? null : final, event, limbo, entry?.item ?? message);
      if (this.undecided === UNDECIDED_MOST - 1) queue.pump();
    };
    connection.inOrder(decision, settle);
  }

  private setAside(later: Later, send: () => void): void {
    const aside = (this.aside ??= new Set());
    const go = (): void => {
      if (aside.delete(go)) send();
    };
    aside.add(go);
    later.go(go);
  }

  private obey(final: Final | null, event: AmqpMessageEvent, limbo: Delivery | null, kept: Message): void {
    const { channel, queue } = this;
    const { observer } = channel.connection.hooks;
    if (observer !== null && final !== null && final.kind !== "duplicate") {
      observer.withheld(this.delivery(kept, 0, event), final.kind, limbo === null || final.kind === "reroute");
    }
    switch (final?.kind) {
      // Lost on the way: it stays unsettled until the channel ends, as if the network had lost it.
      case "drop":
        return;
      case "hang":
      case "close":
        return channel.connection.obey(final);
      case "expire":
      case "reroute":
        // Settled first: on its new way it may come back here, and meet a verdict that ends this channel.
        if (limbo !== null) {
          channel.untagged.delete(limbo);
          queue.settle();
          this.release();
        }
        if (final.kind === "reroute") channel.session.broker.reroute(event, final.to);
        else queue.expired(event.message);
        return limbo === null ? undefined : queue.pump();
    }
    if (limbo !== null) channel.untagged.delete(limbo);
    this.send(event.message, event.redelivered, limbo?.entry ?? null, kept, event);
    if (final?.kind !== "duplicate") return;
    for (let i = 0; i < final.times; i++) {
      if (!this.noAck) {
        this.held++;
        channel.held++;
      }
      // As it looks when a message that was handed out comes back.
      this.send(event.message, true, null, kept, event);
    }
  }
}
