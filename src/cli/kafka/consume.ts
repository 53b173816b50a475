import { Consumer } from "@platformatic/kafka";
import { CommandError, UsageError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { printJsonLine } from "../lib/output.ts";
import { payloadField, shown } from "../lib/payload.ts";
import { Stop } from "../lib/stop.ts";
import { clientOptions, EARLIEST, indexes, knownTopic, LATEST, offsetsAt, withAdmin, withClient } from "./connect.ts";
import { follow, type Record } from "./reader.ts";

interface Options {
  server: Server;
  topic: string;
  group?: string;
  from?: string;
  partition?: number;
  count?: number;
  timeout?: number;
  verbose?: boolean;
  json?: boolean;
}

export async function consume(options: Options): Promise<void> {
  const { group, from = "beginning", partition } = options;
  if (!/^(beginning|end|\d+)$/.test(from)) throw new UsageError(`--from is beginning, end or an offset, not ${from}`);
  if (group !== undefined && partition !== undefined)
    throw new UsageError("a group shares the partitions out itself: --partition and --group do not go together");
  if (group !== undefined && /^\d+$/.test(from)) {
    throw new UsageError(
      `a group keeps its own offset: set it with "havoq kafka consumer-groups reset-offsets --group ${group} --topic ${options.topic} --to ${from}"`,
    );
  }
  const stop = new Stop(options);
  if (group === undefined) await readAlone(options, from, stop);
  else await readInGroup(options, group, from, stop);
  stop.check("messages");
}

/** As a member of a group, which keeps the position of what was printed. */
async function readInGroup(options: Options, group: string, from: string, stop: Stop): Promise<void> {
  const { server, topic } = options;
  await withAdmin(server, (admin) => knownTopic(admin, topic));
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    ...clientOptions(server),
    groupId: group,
    autocommit: false,
    maxWaitTime: 250,
  });
  await withClient(server, consumer, async () => {
    const stream = await consumer.consume({
      topics: [topic],
      mode: "committed",
      fallbackMode: from === "end" ? "latest" : "earliest",
      sessionTimeout: 10_000,
      heartbeatInterval: 1000,
      highWaterMark: 1,
    });
    stop.listening();
    const messages = stream[Symbol.asyncIterator]();
    for (;;) {
      const next = messages.next();
      const taken = await Promise.race([next, stop.asked]);
      if (taken === undefined || taken.done === true) {
        next.catch(() => undefined); // what closing makes of it
        break;
      }
      const message = taken.value;
      print(options, { ...message, topic, headers: message.headerEntries });
      await message.commit();
      if (stop.take()) break;
    }
    await consumer.close(true);
  });
}

/** Without a group: leaves no trace at the broker. */
async function readAlone(options: Options, from: string, stop: Stop): Promise<void> {
  const { server, topic, partition } = options;
  const start = await withAdmin(server, async (admin) => {
    const { partitionsCount } = await knownTopic(admin, topic);
    if (partition !== undefined && partition >= partitionsCount)
      throw new CommandError(`topic ${topic} has partitions 0 to ${partitionsCount - 1}, not ${partition}`);
    const partitions = partition === undefined ? indexes(partitionsCount) : [partition];
    const first = await offsetsAt(admin, topic, partitions, EARLIEST);
    if (from === "beginning") return first;
    const last = await offsetsAt(admin, topic, partitions, LATEST);
    if (from === "end") return last;
    const wanted = BigInt(from);
    for (const one of partitions) {
      const [least, most] = [first.get(one)!, last.get(one)!];
      if (partition !== undefined && (wanted < least || wanted > most))
        throw new CommandError(`${topic}-${one} has offsets ${least} to ${most}, not ${wanted}`);
    }
    return new Map(
      partitions.map((one) => [one, wanted < first.get(one)! ? first.get(one)! : wanted > last.get(one)! ? last.get(one)! : wanted]),
    );
  });
  await follow(server, topic, start, stop, (record) => {
    print(options, record);
    return stop.take();
  });
}

function print({ verbose, json }: Options, { topic, partition, offset, timestamp, key, value, headers }: Record): void {
  if (json === true) {
    const pairs = headers.map(([name, one]) => [shown(name), one === null ? null : shown(one)]);
    printJsonLine({
      topic,
      partition,
      offset,
      timestamp,
      ...payloadField("key", key),
      ...payloadField("value", value),
      headers: Object.fromEntries(pairs),
    });
  } else if (verbose === true) {
    const more = headers.map(([name, one]) => `  ${shown(name)}=${shown(one)}`).join("");
    console.log(`${topic}-${partition}@${offset}  ${shown(key)}  ${shown(value)}${more}`);
  } else {
    console.log(shown(value));
  }
}
