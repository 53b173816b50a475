import type { ConsumeMessage } from "amqplib";
import { CommandError } from "../lib/errors.ts";
import { Stop } from "../lib/stop.ts";
import { withChannel, type Login } from "./connect.ts";
import { printMessage, type Shape } from "./message.ts";

/** Messages that the broker sends ahead. */
const WINDOW = 100;

interface Options extends Login, Shape {
  queue: string;
  count?: number;
  timeout?: number;
  autoAck?: boolean;
}

export async function consume({ queue, count, timeout, autoAck = false, verbose, json, ...login }: Options): Promise<void> {
  const stop = new Stop({ count, timeout });
  await withChannel(login, async (channel) => {
    // The broker must not send more than are wanted: they would go back as redelivered. It sends one for
    // each that is acknowledged, so the last ones are acknowledged together, at the end.
    const window = Math.min(stop.count, WINDOW);
    if (!autoAck) await channel.prefetch(window);
    let [gone, printed] = [false, 0];
    let held: ConsumeMessage | null = null;
    const { consumerTag } = await channel.consume(
      queue,
      (message) => {
        if (message === null) {
          gone = true;
          return stop.now();
        }
        if (stop.stopped) return;
        printMessage(message, queue, { verbose, json });
        printed++;
        if (!autoAck && printed <= stop.count - window) channel.ack(message);
        else held = message;
        stop.take();
      },
      { noAck: autoAck },
    );
    stop.listening();
    await stop.asked;
    if (gone) throw new CommandError(`the broker has cancelled the consumer: queue ${queue} is gone`);
    await channel.cancel(consumerTag);
    if (!autoAck && held !== null) channel.ack(held, true);
    await channel.close();
  });
  stop.check("messages");
}
