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
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({ ...clientOptions(server), autocreateTopics: true, partitioner: compatibilityPartitioner });
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
    return producer.send({
      acks: -1,
      messages: values.map((one) => ({
        topic, value: one, headers,
        ...(key === undefined ? {} : { key: Buffer.from(key) }),
        ...(place === undefined ? {} : { partition: place }),
      })),
    });
  });
  const places = (sent.offsets ?? []).map(({ partition, offset }) => ({ topic, partition, offset }));
  if (json === true) printJson({ messages: values.length, places });
  else printDone(`${values.length} message${values.length === 1 ? "" : "s"} → ${places.map((one) => `${topic}-${one.partition} at offset ${one.offset}`).join(", ")}`);
}
