import { compatibilityPartitioner, Producer } from "@platformatic/kafka";
import { freshSeed } from "../../hooks/random.ts";
import type { Server } from "../lib/options.ts";
import { printDone, printJson } from "../lib/output.ts";
import { payloads } from "../lib/payload.ts";
import { CommandError } from "../lib/errors.ts";
import { clientOptions, unknownTopic, withAdmin, withClient } from "./connect.ts";

interface Options {
  server: Server;
  topic: string;
  key?: string;
  value?: string;
  header?: Record<string, string>;
  partition?: number;
  json?: boolean;
}

/** Sends to a topic, which the brokers may create for it; tells where each partition's messages begin. */
export async function produce({ server, topic, key, value, header = {}, partition, json }: Options): Promise<void> {
  const values = await payloads(value, "--value");
  // Keys go to the partitions that Java clients choose.
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    ...clientOptions(server),
    autocreateTopics: true,
    partitioner: compatibilityPartitioner,
  });
  const headers = new Map(Object.entries(header).map(([name, text]) => [Buffer.from(name), Buffer.from(text)]));
  const sent = await withClient(server, producer, async () => {
    const { topics } = await producer.metadata({ topics: [topic], autocreateTopics: true }).catch(async (error) => {
      const known = await withAdmin(server, (admin) => admin.listTopics());
      throw known.includes(topic) ? error : unknownTopic(topic, known);
    });
    const { partitionsCount } = topics.get(topic)!;
    if (partition !== undefined && partition >= partitionsCount) {
      throw new CommandError(`topic ${topic} has no partition ${partition}, but ${partitionsCount}: 0 to ${partitionsCount - 1}`);
    }
    // Without a key any partition will do: another one each time, as with Java clients.
    const place = partition ?? (key === undefined ? freshSeed() % partitionsCount : undefined);
    const places = new Map<number, bigint>();
    for (const some of batches(values)) {
      const { offsets = [] } = await producer.send({
        acks: -1,
        messages: some.map((one) => ({
          topic,
          value: one,
          headers,
          ...(key === undefined ? {} : { key: Buffer.from(key) }),
          ...(place === undefined ? {} : { partition: place }),
        })),
      });
      for (const one of offsets) if (!places.has(one.partition)) places.set(one.partition, one.offset);
    }
    return places;
  });
  const places = [...sent].map(([partition, offset]) => ({ topic, partition, offset }));
  if (json === true) printJson({ messages: values.length, places });
  else
    printDone(
      `${values.length} message${values.length === 1 ? "" : "s"} → ${places.map((one) => `${topic}-${one.partition} at offset ${one.offset}`).join(", ")}`,
    );
}

/** Bytes that go in one batch: brokers take a megabyte unless told otherwise. */
const BATCH = 512 * 1024;

/** In their order, in parts that fit in a batch; a value that alone is larger is left to the broker's judgement. */
function* batches(values: readonly Buffer[]): Generator<Buffer[]> {
  let [part, size]: [Buffer[], number] = [[], 0];
  for (const value of values) {
    if (part.length > 0 && size + value.length > BATCH) {
      yield part;
      [part, size] = [[], 0];
    }
    part.push(value);
    size += value.length;
  }
  if (part.length > 0) yield part;
}
