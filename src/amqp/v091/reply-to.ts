import { queueArguments } from "../model/arguments.ts";
import { ReplyError } from "./replies.ts";
import { AmqpQueue, REPLY_TO } from "../model/queue.ts";
import { Table } from "../model/values.ts";
import type { Channel } from "./channel.ts";

/** Behind the name stands, for each channel that consumes from it, a queue that nobody declared. */
export function replyQueue(channel: Channel): AmqpQueue {
  const { vhost } = channel.session;
  if (channel.replyTo !== null) throw new ReplyError("PRECONDITION_FAILED", "reply consumer already set");
  const settings = { durable: false, owner: null, autoDelete: true, arguments: Table.EMPTY };
  const queue = new AmqpQueue(vhost, vhost.generateName(`${REPLY_TO}.`), settings, queueArguments(Table.EMPTY, REPLY_TO));
  vhost.addQueue(queue);
  channel.replyTo = queue;
  return queue;
}

/** What `replyTo` becomes: the requester's own queue in place of the name that all share. */
export function directReplyTo(channel: Channel, replyTo: string): string {
  if (replyTo !== REPLY_TO) return replyTo;
  if (channel.replyTo === null) throw new ReplyError("PRECONDITION_FAILED", "fast reply consumer does not exist");
  return channel.replyTo.name;
}
