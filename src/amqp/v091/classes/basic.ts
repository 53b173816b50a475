import { consumerPriority } from "../../model/arguments.ts";
import { ReplyError } from "../replies.ts";
import { REPLY_TO } from "../../model/queue.ts";
import { Consumer } from "../consumer.ts";
import { answerGet } from "../get.ts";
import { amqpClass } from "../handlers.ts";
import { clean } from "../names.ts";
import { replyQueue } from "../reply-to.ts";

export default amqpClass("basic", {
  qos(channel, { prefetchSize, prefetchCount, global }) {
    if (prefetchSize !== 0) throw new ReplyError("NOT_IMPLEMENTED", `prefetch_size!=0 (${prefetchSize})`);
    // RabbitMQ lifts the limit of the channel when one for its consumers is set.
    const hadLimit = channel.prefetch !== 0;
    channel.prefetch = global ? prefetchCount : 0;
    if (!global) channel.consumerPrefetch = prefetchCount;
    channel.send("basic.qos-ok", {});
    if (hadLimit) channel.pump();
  },

  consume(channel, { queue: given, consumerTag, noAck, exclusive, noWait, arguments: table }) {
    const { session } = channel;
    const name = clean(given);
    if (channel.consumers.has(consumerTag)) throw new ReplyError("NOT_ALLOWED", `attempt to reuse consumer tag '${consumerTag}'`);
    if (name === REPLY_TO && !noAck) throw new ReplyError("PRECONDITION_FAILED", "reply consumer cannot acknowledge");
    const queue = name === REPLY_TO ? replyQueue(channel) : channel.queue(name);
    const what = `queue '${queue.name}' in vhost '${session.vhost.name}'`;
    const priority = consumerPriority(table, queue.given.isQuorum, what);
    if (queue.given.isQuorum && channel.prefetch !== 0) throw new ReplyError("NOT_IMPLEMENTED", `${what} does not support global qos`);
    const tag = consumerTag === "" ? session.vhost.generateName("amq.ctag-") : consumerTag;
    const consumer = new Consumer(channel, queue, tag, { noAck, exclusive, priority, prefetch: channel.consumerPrefetch });
    queue.addConsumer(consumer);
    channel.consumers.set(tag, consumer);
    channel.reply(noWait, "basic.consume-ok", { consumerTag: tag });
    queue.pump();
  },

  cancel(channel, { consumerTag, noWait }) {
    const consumer = channel.consumers.get(consumerTag);
    if (consumer !== undefined) {
      channel.consumers.delete(consumerTag);
      consumer.end();
      consumer.queue.removeConsumer(consumer);
      if (consumer.queue === channel.replyTo) channel.replyTo = null;
    }
    channel.reply(noWait, "basic.cancel-ok", { consumerTag });
  },

  "cancel-ok"() {
    throw new ReplyError("COMMAND_INVALID", "unimplemented method");
  },

  publish(channel, address) {
    channel.publishing.expect(address);
  },

  get(channel, { queue: given, noAck }) {
    const queue = channel.queue(clean(given));
    const entry = queue.get();
    if (entry === undefined) channel.send("basic.get-empty", {});
    else answerGet(channel, queue, entry, noAck);
  },

  ack(channel, { deliveryTag, multiple }) {
    channel.ack(deliveryTag, multiple);
  },

  nack(channel, { deliveryTag, multiple, requeue }) {
    channel.reject(deliveryTag, multiple, requeue);
  },

  reject(channel, { deliveryTag, requeue }) {
    channel.reject(deliveryTag, false, requeue);
  },

  "recover-async"(channel, { requeue }) {
    if (!requeue) throw new ReplyError("NOT_IMPLEMENTED", "requeue=false");
    channel.recover();
  },

  recover(channel, { requeue }) {
    if (!requeue) throw new ReplyError("NOT_IMPLEMENTED", "requeue=false");
    channel.send("basic.recover-ok", {});
    channel.recover();
  },
});
