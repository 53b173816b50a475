import type { Decision, Final, Later } from "../../hooks/chain.ts";
import type { Delivered } from "../../hooks/observer.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Message } from "../model/message.ts";
import { AmqpMessageEvent } from "./events.ts";
import { reroute } from "./intake.ts";

/** Who gets deliveries behind the stages. @typeParam Entry what the queue knows of one until it is settled */
export interface Receiver<Entry> {
  /** False: its channel is over, and what it was to get goes back. */
  readonly isOpen: boolean;
  /**
   * Writes a message, as the hooks left it, and returns its delivery tag; null: that is told later, by
   * `Outlet.delivered`. @param event what the hooks were asked about
   */
  send(message: Message, redelivered: boolean, entry: Entry, event: AmqpMessageEvent | null): number | null;
  /** The same once more, with nothing behind it that could be settled. */
  sendAgain(message: Message): number | null;
  /** Takes it from the queue for good: it expired, or goes somewhere else. */
  remove(message: Message, entry: Entry, expired: boolean): void;
  /** The same is done, and the message is where it went. */
  removed(entry: Entry): void;
  /** The delivery lets others pass, until `go` calls back. False: it cannot wait. */
  sendLater(go: Later["go"], send: () => void): boolean;
  /** Nobody will acknowledge what it gets. */
  readonly noAck: boolean;
}

interface Outgoing<Entry> {
  readonly event: AmqpMessageEvent;
  readonly entry: Entry;
  /** The message as the queue knows it, before any hook changed it. */
  readonly kept: Message;
  /** Has the delivery settled when its turn has come. */
  readonly order: (decision: Decision) => void;
}

/** The way out of messages from one queue to one receiver. */
export class Outlet<Entry> {
  /** The version of the pipeline in which no hook wants to see what is delivered. */
  private unseenAt = -1;
  private readonly pipeline: Pipeline;

  constructor(
    private readonly host: Host,
    private readonly connection: Connection,
    private readonly vhost: string,
    private readonly queue: { readonly name: string; readonly place: string },
    private readonly receiver: Receiver<Entry>,
  ) {
    this.pipeline = host.pipeline;
  }

  /** Whether a delivery has to go through `ask`: a hook may want to see it, or others are before it. */
  get waits(): boolean {
    return this.connection.waiting || this.isSeen;
  }

  /** Whether a hook may want to see what is delivered. */
  get isSeen(): boolean {
    const { pipeline } = this;
    return pipeline.seesDeliveries && this.unseenAt !== pipeline.version && this.looksSeen();
  }

  private looksSeen(): boolean {
    const seen = this.pipeline.deliveries(this.connection, this.queue.name) !== null;
    if (!seen) this.unseenAt = this.pipeline.version;
    return seen;
  }

  /** Writes a delivery that nobody asked about. */
  send(message: Message, redelivered: boolean, entry: Entry, kept: Message): void {
    this.delivered(kept, this.receiver.send(message, redelivered, entry, null), null);
  }

  /**
   * Asks the hooks. Decisions are handed to `order`, which calls back when it is the delivery's turn;
   * the answer is false where it lets others pass, and will be ordered again.
   */
  ask(
    message: Message,
    redelivered: boolean,
    entry: Entry,
    kept: Message,
    order: (decision: Decision, settle: (final: Final | null) => boolean) => void,
  ): void {
    const chain = this.pipeline.deliveries(this.connection, this.queue.name);
    const event = new AmqpMessageEvent(this.connection, this.vhost, message, this.queue.name, redelivered);
    const decision = chain?.decide(event) ?? null;
    const settle = (final: Final | null): boolean => this.settle(final, subject);
    const subject: Outgoing<Entry> = { event, entry, kept, order: (given) => order(given, settle) };
    subject.order(decision);
  }

  private settle(final: Final | null, subject: Outgoing<Entry>): boolean {
    if (!this.receiver.isOpen) return true;
    const { kind } = final ?? {};
    if (kind !== undefined && kind !== "duplicate" && kind !== "later") {
      this.pipeline.observer?.withheld(this.delivery(subject.kept, 0, subject.event), kind, this.receiver.noAck || kind === "reroute");
    }
    return applyVerdict(final, subject, this.onDelivery);
  }

  /** Each answers whether the delivery is over; false: it comes later. */
  private readonly onDelivery: AdapterAt<"delivery", Outgoing<Entry>, boolean> = {
    pass: (subject) => this.pass(subject),
    // Lost on the way: it stays unsettled until the channel ends, as if the network had lost it.
    drop: () => true,
    close: (_, verdict) => {
      this.pipeline.end(this.connection, verdict);
      return true;
    },
    expire: ({ event, entry }) => {
      this.receiver.remove(event.message, entry, true);
      this.receiver.removed(entry);
      return true;
    },
    reroute: ({ event, entry }, { to }) => {
      // Settled first: on its new way it may come back here, and meet a verdict that ends this channel.
      this.receiver.remove(event.message, entry, false);
      reroute(this.host, event, to);
      this.receiver.removed(entry);
      return true;
    },
    duplicate: (subject, { times }) => {
      this.pass(subject);
      for (let i = 0; i < times; i++) this.delivered(subject.kept, this.receiver.sendAgain(subject.event.message), subject.event);
      return true;
    },
    later: (subject, { go }) => (this.receiver.sendLater(go, () => subject.order(null)) ? false : this.pass(subject)),
  };

  private pass({ event, entry, kept }: Outgoing<Entry>): true {
    this.delivered(kept, this.receiver.send(event.message, event.redelivered, entry, event), event);
    return true;
  }

  /** A delivery was written. @param tag null: not yet, or never */
  delivered(kept: Message, tag: number | null, event: AmqpMessageEvent | null): void {
    const { observer } = this.pipeline;
    if (observer !== null && tag !== null) observer.delivered(this.delivery(kept, tag, event), this.receiver.noAck);
  }

  private delivery(kept: Message, tag: number, event: AmqpMessageEvent | null): Delivered {
    return { protocol: "amqp", place: this.queue.place, id: kept, consumer: "", connection: this.connection, tag, event };
  }
}
