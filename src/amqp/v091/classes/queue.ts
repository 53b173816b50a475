import { ReplyError } from "../replies.ts";
import { type AmqpQueue, REPLY_TO } from "../../model/queue.ts";
import { amqpClass } from "../handlers.ts";
import { clean } from "../names.ts";

export default amqpClass("queue", {
  declare(channel, { queue: given, passive, durable, exclusive, autoDelete, noWait, arguments: table }) {
    const { session } = channel;
    const { vhost } = session;
    const name = clean(given);
    if (name.startsWith(REPLY_TO)) {
      // Answers whether somebody waits behind the name; the one that all share is always there.
      if (name !== REPLY_TO) vhost.queue(name, session);
      return channel.reply(noWait, "queue.declare-ok", { queue: name, messageCount: 0, consumerCount: 1 });
    }
    let queue: AmqpQueue;
    if (passive) queue = vhost.queue(name, session);
    else queue = vhost.declareQueue(name, { durable, owner: exclusive ? session : null, autoDelete, arguments: table }, session);
    if (passive) queue.touch();
    channel.lastQueue = queue.name;
    channel.reply(noWait, "queue.declare-ok", { queue: queue.name, messageCount: queue.items.ready, consumerCount: queue.consumers.count });
  },

  bind(channel, { queue, exchange, routingKey, noWait, arguments: table }) {
    const { vhost } = channel.session;
    const name = channel.queueName(clean(queue));
    // Neither named: the last queue under its own name.
    const key = queue === "" && routingKey === "" ? name : routingKey;
    vhost.bind(clean(exchange), () => vhost.queue(name, channel.session), key, table);
    channel.reply(noWait, "queue.bind-ok", {});
  },

  unbind(channel, { queue, exchange, routingKey, arguments: table }) {
    const { session } = channel;
    const name = channel.queueName(clean(queue));
    const key = queue === "" && routingKey === "" ? name : routingKey;
    session.vhost.unbind(clean(exchange), { kind: "queue", name }, key, table, session);
    channel.send("queue.unbind-ok", {});
  },

  purge(channel, { queue, noWait }) {
    channel.reply(noWait, "queue.purge-ok", { messageCount: channel.queue(clean(queue)).purge() });
  },

  delete(channel, { queue: given, ifUnused, ifEmpty, noWait }) {
    const { session } = channel;
    const { vhost } = session;
    const name = channel.queueName(clean(given));
    if (!vhost.queues.has(name)) channel.reply(noWait, "queue.delete-ok", { messageCount: 0 });
    else {
      const queue = vhost.queue(name, session);
      const refuse = (why: string) => new ReplyError("PRECONDITION_FAILED", `queue '${name}' in vhost '${vhost.name}' ${why}`);
      if (ifUnused && queue.consumers.count > 0) throw refuse("in use");
      if (ifEmpty && queue.items.ready > 0) throw refuse("not empty");
      // Its consumers on this channel hear of it behind the answer.
      const own = channel.takeConsumers(queue);
      channel.reply(noWait, "queue.delete-ok", { messageCount: vhost.deleteQueue(queue) });
      for (const consumer of own) channel.tellCancelled(consumer);
    }
  },
});
