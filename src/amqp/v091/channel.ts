import type { Connection } from "../../net/connection.ts";
import { ReplyError } from "./replies.ts";
import type { Address } from "../model/message.ts";
import type { AmqpQueue, Held } from "../model/queue.ts";
import type { Confirms } from "./confirms.ts";
import type { AmqpConnection } from "./connection.ts";
import type { Consumer } from "./consumer.ts";
import { BODY, HEADER, METHOD } from "./frames.ts";
import type { ArgsOut, MethodName, ServerMethod } from "./methods.ts";
import { Publishing } from "./publishing.ts";
import type { Transaction } from "./transaction.ts";
import { type Delivery, Unacked } from "./unacked.ts";

/** One channel of a connection: its consumers, what they hold, and the mode in which it publishes. */
export class Channel {
  /** False once it is closed or closing: then only `channel.close` and `close-ok` mean anything. */
  isOpen = true;
  /** `channel.open` was answered. */
  isBegun = false;
  readonly consumers = new Map<string, Consumer>();
  readonly unacked = new Unacked();
  /** Deliveries that wait for a verdict, or were lost by one: given back when the channel ends. */
  readonly untagged = new Set<Delivery>();
  /** Unsettled messages of all consumers. */
  held = 0;
  /** `basic.qos` with `global`: most of them; 0: any number. */
  prefetch = 0;
  /** `basic.qos` without: what consumers from now on may hold each. */
  consumerPrefetch = 0;
  /** The queue that an empty name means. */
  lastQueue = "";
  confirms: Confirms | null = null;
  transaction: Transaction | null = null;
  /** Where answers to this channel's requests go, once it consumes from `amq.rabbitmq.reply-to`. */
  replyTo: AmqpQueue | null = null;
  readonly publishing: Publishing;
  private lastTag = 0;

  constructor(
    readonly session: AmqpConnection,
    readonly id: number,
  ) {
    this.publishing = new Publishing(this);
  }

  get connection(): Connection {
    return this.session.connection;
  }

  /** A frame with its payload in `buf[at, stop)`. */
  frame(type: number, buf: Buffer, at: number, stop: number): void {
    const { publishing } = this;
    if (type === METHOD) {
      if (publishing.isExpecting) throw publishing.unexpected();
      // basic.publish is read by hand: it is one frame in three.
      if (
        buf[at + 3] === 40 &&
        buf[at + 1] === 60 &&
        buf[at] === 0 &&
        buf[at + 2] === 0 &&
        stop - at > 8 &&
        !this.session.operations.seesRequest("basic.publish")
      ) {
        this.session.current = "basic.publish";
        return publishing.begin(buf, at + 4, stop);
      }
      return this.session.method(this, buf, at, stop);
    }
    if (type === HEADER) return publishing.header(buf, at, stop);
    if (type === BODY) return publishing.body(buf, at, stop);
    this.session.strayFrame(type, buf, at, stop);
  }

  nextTag(): number {
    return ++this.lastTag;
  }

  /** Sends a method. An answer that a hook made fail may have closed the channel: then only `close-ok` may follow. */
  send<N extends ServerMethod>(name: N, args: ArgsOut<N>, about?: Address): void {
    if (this.isOpen || name === "channel.close-ok") this.session.send(this.id, name, args, about);
  }

  /** Answers a method, unless the client asked for no answer. */
  reply<N extends ServerMethod>(noWait: boolean, name: N, args: ArgsOut<N>): void {
    if (!noWait) this.send(name, args);
  }

  /** The name that an empty one stands for. Throws NOT_FOUND when no queue was declared on this channel. */
  queueName(name: string): string {
    if (name !== "") return name;
    if (this.lastQueue === "") throw new ReplyError("NOT_FOUND", "no previously declared queue");
    return this.lastQueue;
  }

  queue(name: string): AmqpQueue {
    return this.session.vhost.queue(this.queueName(name), this.session);
  }

  // --- What became of deliveries ----------------------------------------------------------------

  /** Takes the deliveries that an acknowledgement means. Throws PRECONDITION_FAILED for a tag that is not out. */
  take(tag: number, multiple: boolean): Delivery[] {
    if (!multiple) {
      const delivery = this.unacked.take(tag);
      if (delivery === undefined) throw unknownTag(tag);
      return [delivery];
    }
    if (tag !== 0 && !this.unacked.has(tag)) throw unknownTag(tag);
    return this.unacked.takeUpTo(tag);
  }

  ack(tag: number, multiple: boolean): void {
    if (this.transaction !== null) return this.transaction.settle(this.take(tag, multiple), "ack");
    if (multiple) return this.settle(this.take(tag, true), "ack");
    const delivery = this.unacked.take(tag);
    if (delivery === undefined) throw unknownTag(tag);
    const { queue, entry, consumer } = delivery;
    if (entry !== null) {
      queue.settle();
      this.tellAcknowledged(queue, entry);
    }
    if (consumer === null) return;
    consumer.release();
    if (this.prefetch !== 0) this.pump();
    else queue.pump();
  }

  private tellAcknowledged(queue: AmqpQueue, entry: Held): void {
    const { events } = this.session.broker.host;
    if (events !== null) events.acknowledged({ protocol: "amqp", place: queue.place, id: entry.item }, "");
  }

  reject(tag: number, multiple: boolean, requeue: boolean): void {
    const deliveries = this.take(tag, multiple);
    if (this.transaction !== null) this.transaction.settle(deliveries, requeue ? "requeue" : "reject");
    else this.settle(deliveries, requeue ? "requeue" : "reject");
  }

  settle(deliveries: readonly Delivery[], how: "ack" | "reject" | "requeue"): void {
    const touched = new Map<AmqpQueue, Held[]>();
    for (const { entry, queue, consumer } of deliveries) {
      consumer?.release();
      const back = touched.get(queue) ?? [];
      touched.set(queue, back);
      if (entry === null) continue;
      if (how === "ack") {
        queue.settle();
        this.tellAcknowledged(queue, entry);
      } else if (how === "reject") queue.reject(entry);
      else back.push(entry);
    }
    for (const [queue, back] of touched) if (back.length > 0) queue.requeue(back);
    if (this.prefetch !== 0) return this.pump();
    for (const queue of touched.keys()) queue.pump();
  }

  /** Everything unsettled goes back: for `basic.recover`. */
  recover(): void {
    this.settle(this.unacked.takeUpTo(0), "requeue");
  }

  /** Looks for deliveries for all consumers: they can take more than before. */
  pump(): void {
    for (const consumer of this.consumers.values()) if (consumer.isBlocked) consumer.unblock();
    for (const { queue } of this.consumers.values()) queue.pump();
  }

  /** The consumer's queue was deleted. */
  consumerGone(consumer: Consumer): void {
    if (this.consumers.get(consumer.tag) !== consumer) return;
    this.consumers.delete(consumer.tag);
    this.tellCancelled(consumer);
  }

  /** The consumers of a queue, which are none of this channel any more. */
  takeConsumers(queue: AmqpQueue): Consumer[] {
    const own = [...this.consumers.values()].filter((consumer) => consumer.queue === queue);
    for (const { tag } of own) this.consumers.delete(tag);
    return own;
  }

  /** To clients that want to know. */
  tellCancelled(consumer: Consumer): void {
    if (this.isOpen && this.session.notifiesCancel) this.send("basic.cancel", { consumerTag: consumer.tag, noWait: true });
  }

  /** Everything that was handed out and is not settled for good. */
  *unsettled(): IterableIterator<Delivery> {
    yield* this.unacked;
    yield* this.untagged;
    if (this.transaction !== null) yield* this.transaction.uncommitted();
  }

  // --- The end ----------------------------------------------------------------------------------

  /** An error closes this channel and no other. */
  fail(error: ReplyError, method: MethodName | null): void {
    this.session.closeChannel(this, error, method);
  }

  /** Ends consumers and gives back what they held. */
  close(): void {
    if (!this.isOpen) return;
    this.confirms?.flush();
    this.isOpen = false;
    this.publishing.forget();
    const consumers = [...this.consumers.values()];
    this.consumers.clear();
    const back = new Map<AmqpQueue, Held[]>();
    const unsettled = [...this.unacked.takeUpTo(0), ...this.untagged, ...(this.transaction?.abandon() ?? [])];
    for (const { entry, queue } of unsettled) {
      if (entry === null) continue;
      const entries = back.get(queue);
      if (entries === undefined) back.set(queue, [entry]);
      else entries.push(entry);
    }
    this.untagged.clear();
    for (const [queue, entries] of back) queue.requeue(entries);
    for (const consumer of consumers) consumer.queue.removeConsumer(consumer);
  }
}

function unknownTag(tag: number): ReplyError {
  return new ReplyError("PRECONDITION_FAILED", `unknown delivery tag ${tag}`);
}
