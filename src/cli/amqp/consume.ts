import { CommandError } from "../lib/errors.ts";
import { Stop } from "../lib/stop.ts";
import { withChannel, type Login } from "./connect.ts";
import { printMessage, type Shape } from "./message.ts";

interface Options extends Login, Shape {
  queue: string;
  count?: number;
  timeout?: number;
  autoAck?: boolean;
}

export async function consume({ queue, count, timeout, autoAck = false, verbose, json, ...login }: Options): Promise<void> {
  const stop = new Stop({ count, timeout });
  await withChannel(login, async (channel) => {
    // No more than are wanted: what is not acknowledged goes back.
    if (!autoAck) await channel.prefetch(Math.min(stop.count, 100));
    let gone = false;
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message === null) {
        gone = true;
        return stop.now();
      }
      if (stop.stopped) return;
      printMessage(message, queue, { verbose, json });
      if (!autoAck) channel.ack(message);
      stop.take();
    }, { noAck: autoAck });
    await stop.asked;
    if (gone) throw new CommandError(`the broker has cancelled the consumer: queue ${queue} is gone`);
    await channel.cancel(consumerTag);
    await channel.close();
  });
  stop.check("messages");
}
