import type { GetMessage } from "amqplib";
import { withChannel, type Login } from "./connect.ts";
import { printMessage, type Shape } from "./message.ts";

interface Options extends Login, Shape {
  queue: string;
  count: number;
  autoAck?: boolean;
}

export async function get({ queue, count, autoAck = false, verbose, json, ...login }: Options): Promise<void> {
  const found = await withChannel(login, async (channel) => {
    const messages: GetMessage[] = [];
    while (messages.length < count) {
      const message = await channel.get(queue, { noAck: autoAck });
      if (message === false) break;
      messages.push(message);
    }
    // All at once, so that they go back to where they were.
    if (!autoAck && messages.length > 0) channel.nackAll(true);
    await channel.close();
    return messages;
  });
  for (const message of found) printMessage(message, queue, { verbose, json });
  if (found.length === 0 && json !== true) console.error(`queue ${queue} is empty`);
}
