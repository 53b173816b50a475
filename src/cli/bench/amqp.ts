import { freshSeed } from "../../hooks/random.ts";
import { openConnection } from "../amqp/connect.ts";
import { inWaves, type Load, type Wanted } from "./load.ts";

/** A queue of its own, which goes with the connection that reads it. */
export async function open({ server, connections, receive, fail, connected }: Wanted): Promise<Load> {
  const queue = `havoq-bench-${freshSeed()}`;
  let closing = false;
  const one = async () => {
    const connection = await openConnection({ server, username: "guest", password: "guest", vhost: "/" });
    connection.on("error", fail);
    connection.on("close", () => closing || fail(new Error("the broker has closed a connection")));
    const channel = await connection.createChannel();
    channel.on("error", fail);
    return { connection, channel };
  };
  const reader = await one();
  await reader.channel.assertQueue(queue, { exclusive: true, durable: false });
  await reader.channel.consume(queue, (message) => message !== null && receive(message.content), { noAck: true });
  const senders = await inWaves(connections, async () => {
    const sender = await one();
    connected();
    return sender;
  });
  return {
    async send(i, payloads) {
      const { channel } = senders[i]!;
      let free = true;
      for (const payload of payloads) free = channel.publish("", queue, payload);
      if (!free) await new Promise<void>((resolve) => channel.once("drain", resolve));
    },
    async close() {
      closing = true;
      await Promise.all([reader, ...senders].map(({ connection }) => connection.close().catch(() => undefined)));
    },
  };
}
