import { typed } from "../lib/options.ts";
import { printDone, printJson } from "../lib/output.ts";
import { withChannel, type Login } from "./connect.ts";

interface Json {
  json?: boolean;
}

interface Declare extends Login, Json {
  name: string;
  durable?: boolean;
  autoDelete?: boolean;
  argument?: Record<string, string>;
}

export async function declareQueue({ name, durable = false, autoDelete = false, argument = {}, json, ...login }: Declare): Promise<void> {
  const made = await withChannel(login, (channel) => channel.assertQueue(name, { durable, autoDelete, arguments: typed(argument) }));
  if (json === true)
    printJson({
      queue: made.queue,
      durable,
      autoDelete,
      arguments: typed(argument),
      messages: made.messageCount,
      consumers: made.consumerCount,
    });
  else
    printDone(
      `queue ${made.queue} declared${durable ? ", durable" : ""}${autoDelete ? ", auto-delete" : ""}: messages ${made.messageCount}, consumers ${made.consumerCount}`,
    );
}

interface Binding extends Login, Json {
  exchange: string;
  queue: string;
  routingKey: string;
  argument?: Record<string, string>;
}

export async function bindQueue({ exchange, queue, routingKey, argument = {}, json, ...login }: Binding): Promise<void> {
  await withChannel(login, (channel) => channel.bindQueue(queue, exchange, routingKey, typed(argument)));
  if (json === true) printJson({ exchange, queue, routingKey, arguments: typed(argument) });
  else printDone(`${exchange} → ${queue} bound${routingKey === "" ? "" : ` with ${routingKey}`}`);
}

export async function unbindQueue({ exchange, queue, routingKey, argument = {}, json, ...login }: Binding): Promise<void> {
  await withChannel(login, async (channel) => {
    // Taking away a binding of a queue or exchange that is not there is no error in RabbitMQ; here it is told.
    await channel.checkQueue(queue);
    await channel.checkExchange(exchange);
    await channel.unbindQueue(queue, exchange, routingKey, typed(argument));
  });
  if (json === true) printJson({ exchange, queue, routingKey, arguments: typed(argument) });
  else printDone(`${exchange} → ${queue} not bound${routingKey === "" ? "" : ` with ${routingKey}`} any more`);
}

export async function purgeQueue({ name, json, ...login }: Login & Json & { name: string }): Promise<void> {
  const { messageCount } = await withChannel(login, (channel) => channel.purgeQueue(name));
  if (json === true) printJson({ queue: name, messages: messageCount });
  else printDone(`queue ${name} purged: messages ${messageCount}`);
}

export async function deleteQueue({
  name,
  ifUnused = false,
  ifEmpty = false,
  json,
  ...login
}: Login & Json & { name: string; ifUnused?: boolean; ifEmpty?: boolean }): Promise<void> {
  const { messageCount } = await withChannel(login, async (channel) => {
    await channel.checkQueue(name);
    return channel.deleteQueue(name, { ifUnused, ifEmpty });
  });
  if (json === true) printJson({ deleted: name, messages: messageCount });
  else printDone(`queue ${name} deleted: messages ${messageCount}`);
}
