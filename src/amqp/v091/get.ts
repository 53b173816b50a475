import type { Final } from "../../hooks/chain.ts";
import type { Message } from "../model/message.ts";
import type { AmqpQueue, Held } from "../model/queue.ts";
import type { Channel } from "./channel.ts";
import { AmqpMessageEvent } from "./events.ts";
import { Delivery } from "./unacked.ts";

/** Answers `basic.get` with an entry that was taken from the queue. */
export function answerGet(channel: Channel, queue: AmqpQueue, entry: Held, noAck: boolean): void {
  const { connection, session } = channel;
  const redelivered = entry.deliveries > 0;
  const messageCount = queue.items.ready;
  const got = queue.outgoing(entry, true);
  if (noAck) queue.settle();

  // Without a tag until it is written: what waits to be written before it gets its own first.
  const limbo = new Delivery(0, entry, queue, null);
  if (!noAck) channel.untagged.add(limbo);
  let event: AmqpMessageEvent | null = null;
  const written = (): { deliveryTag: number } | null => {
    if (!channel.isOpen) return null;
    const deliveryTag = channel.nextTag();
    if (channel.untagged.delete(limbo)) channel.unacked.add(new Delivery(deliveryTag, entry, queue, null));
    session.broker.messagesOut++;
    const { observer } = connection.hooks;
    if (observer !== null) {
      observer.delivered(
        { protocol: "amqp", place: queue.place, id: entry.item, consumer: "", connection, tag: deliveryTag, event },
        noAck,
      );
    }
    return { deliveryTag };
  };
  const answer = (message: Message) => {
    const { exchange, routingKey } = message.address;
    session.sendContent(channel, "basic.get-ok", { deliveryTag: 0, redelivered, exchange, routingKey, messageCount }, message, written);
  };
  const chain = connection.hooks.delivery !== null ? connection.hooks.delivery.select(connection, queue.name) : null;
  if (chain === null) return answer(got);

  const asked = (event = new AmqpMessageEvent(connection, session.vhost.name, got, queue.name, redelivered));
  const obey = (final: Final | null) => {
    if (!channel.isOpen) return;
    const { observer } = connection.hooks;
    if (observer !== null && final !== null && final.kind !== "duplicate" && final.kind !== "later") {
      observer.withheld(
        { protocol: "amqp", place: queue.place, id: entry.item, consumer: "", connection, tag: 0, event: asked },
        final.kind,
        noAck || final.kind === "reroute",
      );
    }
    switch (final?.kind) {
      case "hang":
      case "close":
        return connection.obey(final);
      // Lost on the way: the client waits, and the message is given back when the channel ends.
      case "drop":
        return;
      case "expire":
      case "reroute":
        if (channel.untagged.delete(limbo)) queue.settle();
        if (final.kind === "reroute") session.broker.reroute(asked, final.to);
        else queue.expired(asked.message);
        return channel.send("basic.get-empty", {});
    }
    answer(asked.message);
  };
  const decision = chain.decide(asked);
  if (decision instanceof Promise) connection.holdInput(decision.then((final) => session.guard(channel, () => obey(final))));
  else obey(decision);
}
