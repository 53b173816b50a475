import { Producer } from "@platformatic/kafka";
import { freshSeed } from "../../hooks/random.ts";
import { clientOptions, EARLIEST, indexes, knownTopic, offsetsAt, withAdmin } from "../kafka/connect.ts";
import { follow } from "../kafka/reader.ts";
import { Stop } from "../lib/stop.ts";
import { inWaves, type Load, type Wanted } from "./load.ts";

/** Partitions that the senders share. */
const PARTITIONS = 4;

/** A topic of its own, which is deleted again. */
export async function open({ server, connections, receive, fail, connected }: Wanted): Promise<Load> {
  const topic = `havoq-bench-${freshSeed()}`;
  const partitions = Math.min(PARTITIONS, connections);
  const start = await withAdmin(server, async (admin) => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
    await knownTopic(admin, topic);
    return offsetsAt(admin, topic, indexes(partitions), EARLIEST);
  });
  const stop = new Stop();
  const reading = follow(server, topic, start, stop, ({ value }) => {
    receive(value!);
    return stop.stopped;
  });
  reading.catch(fail);
  const producers = await inWaves(connections, async () => {
    const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({ ...clientOptions(server), acks: 1, maxInflights: 20 });
    await producer.metadata({ topics: [topic] });
    connected();
    return producer;
  });
  return {
    async send(i, payloads) {
      await producers[i]!.send({ acks: 1, messages: payloads.map((value) => ({ topic, value, partition: i % partitions })) });
    },
    async close() {
      stop.now();
      await reading.catch(() => undefined);
      await Promise.all(producers.map((producer) => producer.close().catch(() => undefined)));
      await withAdmin(server, (admin) => admin.deleteTopics({ topics: [topic] }));
    },
  };
}
