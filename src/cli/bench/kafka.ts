import { Producer } from "@platformatic/kafka";
import { freshSeed } from "../../hooks/random.ts";
import { clientOptions, EARLIEST, indexes, inWords, knownTopic, offsetsAt, withAdmin } from "../kafka/connect.ts";
import { follow } from "../kafka/reader.ts";
import { Stop } from "../lib/stop.ts";
import { inWaves, type Load, type Wanted } from "./load.ts";

/** Partitions that the senders share. */
const PARTITIONS = 4;
/** Bytes that go in one batch: half of what topics take unless told otherwise. */
const BATCH = 512 * 1024;

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
      const most = Math.max(1, Math.floor(BATCH / (payloads[0]?.length ?? 1)));
      for (let from = 0; from < payloads.length; from += most) {
        const messages = payloads.slice(from, from + most).map((value) => ({ topic, value, partition: i % partitions }));
        await producers[i]!.send({ acks: 1, messages }).catch(async (error) => {
          throw await inWords(server, error);
        });
      }
    },
    async close() {
      stop.now();
      await reading.catch(() => undefined);
      await Promise.all(producers.map((producer) => producer.close().catch(() => undefined)));
      await withAdmin(server, (admin) => admin.deleteTopics({ topics: [topic] }));
    },
  };
}
