import { queueArguments } from "../model/arguments.ts";
import { AmqpError } from "../model/errors.ts";
import { AmqpQueue } from "../model/queue.ts";
import type { Channel } from "./channel.ts";
import { FieldTable } from "./fields.ts";

/** The queue that is none: who consumes from it gets the answers to requests that name it in `replyTo`. */
export const REPLY_TO = "amq.rabbitmq.reply-to";

/** Behind the name stands, for each channel that consumes from it, a queue that nobody declared. */
export function replyQueue(channel: Channel): AmqpQueue {
  const { vhost } = channel.session;
  if (channel.replyTo !== null) throw new AmqpError("PRECONDITION_FAILED", "reply consumer already set");
  const settings = { durable: false, owner: null, autoDelete: true, arguments: FieldTable.EMPTY };
  const queue = new AmqpQueue(vhost, vhost.generateName(`${REPLY_TO}.`), settings, queueArguments(FieldTable.EMPTY, REPLY_TO));
  vhost.addQueue(queue);
  channel.replyTo = queue;
  return queue;
}

/** What `replyTo` becomes: the requester's own queue in place of the name that all share. */
export function directReplyTo(channel: Channel, replyTo: string): string {
  if (replyTo !== REPLY_TO) return replyTo;
  if (channel.replyTo === null) throw new AmqpError("PRECONDITION_FAILED", "fast reply consumer does not exist");
  return channel.replyTo.name;
}
