import type { Taker } from "../model/consumers.ts";
import type { Message } from "../model/message.ts";
import type { AmqpQueue, Held } from "../model/queue.ts";
import type { Channel } from "./channel.ts";
import { DeliverFrame } from "./content.ts";
import { contentOf } from "./message.ts";
import { Outlet, type Receiver } from "../pipeline/outlet.ts";
import { Delivery } from "./unacked.ts";

/** Deliveries of one consumer that may wait for their turn at one time. */
const WAITING_MOST = 1000;

export interface ConsumerSettings {
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  /** Most unsettled messages; 0: any number. */
  readonly prefetch: number;
}

/** One `basic.consume`. */
export class Consumer implements Taker, Receiver<Delivery | Held | null> {
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  isBlocked = false;
  private readonly prefetch: number;
  private readonly frame: DeliverFrame;
  private held = 0;
  private readonly outlet: Outlet<Delivery | Held | null>;
  /** Deliveries that wait for their turn. */
  private waiting = 0;
  /** Sends those that let others pass; null while there are none. */
  private late: Set<() => void> | null = null;
  private isOver = false;

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
    const { session, connection } = channel;
    this.outlet = new Outlet(session.broker.host, connection, session.vhost.name, queue, this);
  }

  get ready(): boolean {
    const { channel } = this;
    if (!channel.isOpen || this.waiting >= WAITING_MOST) return false;
    if (!this.noAck) {
      if (this.prefetch !== 0 && this.held >= this.prefetch) return false;
      if (channel.prefetch !== 0 && channel.held >= channel.prefetch) return false;
    }
    return channel.connection.writable;
  }

  get isOpen(): boolean {
    return this.channel.isOpen;
  }

  deliver(message: Message, redelivered: boolean): void {
    if (this.outlet.waits) this.deliverInTurn(message, redelivered, null, message);
    else this.outlet.send(message, redelivered, null, message);
  }

  hold(entry: Held): void {
    this.held++;
    this.channel.held++;
    const message = entry.deliveries === 0 ? entry.item : this.queue.outgoing(entry);
    if (!this.outlet.waits) return this.outlet.send(message, entry.deliveries > 0, entry, entry.item);
    // Until it has a delivery tag nobody can settle it, but the channel's end gives it back.
    const untagged = new Delivery(0, entry, this.queue, this);
    this.channel.untagged.add(untagged);
    this.deliverInTurn(message, entry.deliveries > 0, untagged, entry.item);
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

  /** It is about to be told that nothing more comes: deliveries that let others pass go first. */
  end(): void {
    this.isOver = true;
    for (const go of this.late ?? []) go();
  }

  cancelled(): void {
    this.end();
    this.channel.consumerGone(this);
  }

  private deliverInTurn(message: Message, redelivered: boolean, untagged: Delivery | null, kept: Message): void {
    const { queue } = this;
    const { connection } = this.channel;
    message.keep();
    this.waiting++;
    this.outlet.ask(message, redelivered, untagged, kept, (decision, settle) =>
      connection.inOrder(decision, (final) => {
        if (!settle(final)) return;
        this.waiting--;
        if (this.waiting === WAITING_MOST - 1 && this.channel.isOpen) queue.pump();
      }),
    );
  }

  // --- Behind the stages ------------------------------------------------------------------------

  /** @param entry a `Delivery` where it waited for its turn, null where nobody will acknowledge it */
  send(message: Message, redelivered: boolean, entry: Delivery | Held | null): number {
    const { channel } = this;
    if (!(entry instanceof Delivery)) return this.write(message, redelivered, entry);
    channel.untagged.delete(entry);
    return this.write(message, redelivered, entry.entry);
  }

  sendAgain(message: Message): number {
    if (!this.noAck) {
      this.held++;
      this.channel.held++;
    }
    // As it looks when a message that was handed out comes back.
    return this.write(message, true, null);
  }

  private write(message: Message, redelivered: boolean, entry: Held | null): number {
    const { channel } = this;
    const { session } = channel;
    const tag = channel.nextTag();
    if (!this.noAck) channel.unacked.add(new Delivery(tag, entry, this.queue, this));
    session.spoke = true;
    session.broker.messagesOut++;
    this.frame.write(channel.connection.out, tag, redelivered, contentOf(message), session.frameMax);
    return tag;
  }

  remove(message: Message, entry: Delivery | Held | null, expired: boolean): void {
    if (entry instanceof Delivery) {
      this.channel.untagged.delete(entry);
      this.queue.settle();
      this.release();
    }
    if (expired) this.queue.expired(message);
  }

  removed(entry: Delivery | Held | null): void {
    if (entry !== null) this.queue.pump();
  }

  sendLater(go: (run: () => void) => void, send: () => void): boolean {
    if (this.isOver) return false;
    this.late ??= new Set();
    const { late } = this;
    const run = (): void => {
      if (late.delete(run)) send();
    };
    late.add(run);
    go(run);
    return true;
  }
}
