import type { Message } from "../model/message.ts";
import type { AmqpQueue, Held } from "../model/queue.ts";
import type { AmqpMessageEvent } from "../pipeline/events.ts";
import { Outlet, type Receiver } from "../pipeline/outlet.ts";
import type { Channel } from "./channel.ts";
import { Delivery } from "./unacked.ts";

/** Answers `basic.get` with an entry that was taken from the queue. */
export function answerGet(channel: Channel, queue: AmqpQueue, entry: Held, noAck: boolean): void {
  const { connection, session } = channel;
  const redelivered = entry.deliveries > 0;
  const got = new Got(channel, queue, entry, noAck);
  const message = queue.outgoing(entry, true);
  if (noAck) queue.settle();
  got.begin();
  if (!got.outlet.isSeen) return got.outlet.send(message, redelivered, entry, entry.item);
  got.outlet.ask(message, redelivered, entry, entry.item, (decision, settle) => {
    if (decision instanceof Promise) connection.holdInput(decision.then((final) => session.guard(channel, () => void settle(final))));
    else settle(decision);
  });
}

/** The one message that a `basic.get` gets. */
class Got implements Receiver<Held> {
  readonly outlet: Outlet<Held>;
  /** Without a tag until it is written: what waits to be written before it gets its own first. */
  private readonly untagged: Delivery;
  private readonly messageCount: number;

  constructor(
    private readonly channel: Channel,
    private readonly queue: AmqpQueue,
    entry: Held,
    readonly noAck: boolean,
  ) {
    const { session, connection } = channel;
    this.outlet = new Outlet(session.broker.host, connection, session.vhost.name, queue, this);
    this.untagged = new Delivery(0, entry, queue, null);
    this.messageCount = queue.items.ready;
  }

  begin(): void {
    if (!this.noAck) this.channel.untagged.add(this.untagged);
  }

  get isOpen(): boolean {
    return this.channel.isOpen;
  }

  send(message: Message, redelivered: boolean, entry: Held, event: AmqpMessageEvent | null): null {
    const { channel, messageCount } = this;
    const { session } = channel;
    const { exchange, routingKey } = message.address;
    const written = (): { deliveryTag: number } | null => {
      if (!channel.isOpen) return null;
      const deliveryTag = channel.nextTag();
      if (channel.untagged.delete(this.untagged)) channel.unacked.add(new Delivery(deliveryTag, entry, this.queue, null));
      session.broker.messagesOut++;
      this.outlet.delivered(entry.item, deliveryTag, event);
      return { deliveryTag };
    };
    session.sendContent(channel, "basic.get-ok", { deliveryTag: 0, redelivered, exchange, routingKey, messageCount }, message, written);
    return null;
  }

  /** One request has one answer. */
  sendAgain(): null {
    return null;
  }

  remove(message: Message, _entry: Held, expired: boolean): void {
    if (this.channel.untagged.delete(this.untagged)) this.queue.settle();
    if (expired) this.queue.expired(message);
  }

  removed(): void {
    this.channel.send("basic.get-empty", {});
  }

  sendLater(): boolean {
    return false;
  }
}
