import { Consumer, type KafkaRecord, type RecordsBatch } from "@platformatic/kafka";
import type { Server } from "../lib/options.ts";
import type { Stop } from "../lib/stop.ts";
import { systemClock } from "../lib/time.ts";
import { clientOptions, withClient } from "./connect.ts";

export interface Record {
  topic: string;
  partition: number;
  offset: bigint;
  timestamp: bigint;
  key: Buffer | null | undefined;
  value: Buffer | null | undefined;
  headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

/** Takes a record; true when it wants no more. */
type Take = (record: Record) => boolean;

/** Reads partitions from their offsets on, until stopped, without a group: no trace is left at the broker. */
export async function follow(server: Server, topic: string, start: Map<number, bigint>, stop: Stop, take: Take): Promise<void> {
  // A consumer that never joins: it only fetches.
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({ ...clientOptions(server), groupId: "havoq-cli" });
  await withClient(server, consumer, async () => {
    consumer.topics.track(topic);
    // Each leader is asked by itself, so that a quiet one holds up nobody.
    const { topics } = await consumer.metadata({ topics: [topic] });
    const leaders = new Map<number, number[]>();
    for (const one of start.keys()) {
      const { leader } = topics.get(topic)!.partitions[one]!;
      leaders.set(leader, [...(leaders.get(leader) ?? []), one]);
    }
    stop.listening();
    await Promise.race([
      stop.asked,
      Promise.all([...leaders.values()].map((partitions) => fetchLoop(consumer, topic, partitions, start, stop, take))),
    ]);
    stop.now();
  });
}

async function fetchLoop(
  consumer: Consumer,
  topic: string,
  partitions: readonly number[],
  at: Map<number, bigint>,
  stop: Stop,
  take: Take,
): Promise<void> {
  while (!stop.stopped) {
    const { topics } = await consumer.metadata({ topics: [topic] });
    const { id: topicId, partitions: known } = topics.get(topic)!;
    const node = known[partitions[0]!]!.leader;
    // One that has moved away is asked for at its new leader, next time round.
    const here = partitions.filter((one) => known[one]!.leader === node);
    const wanted = here.map((partition) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: at.get(partition)!,
      lastFetchedEpoch: -1,
      partitionMaxBytes: 1 << 20,
    }));
    const answer = await consumer.fetch({
      node,
      maxWaitTime: 250,
      minBytes: 1,
      maxBytes: 10 << 20,
      isolationLevel: 0,
      topics: [{ topicId, partitions: wanted }],
    });
    for (const { partitionIndex, records } of answer.responses.flatMap((response) => response.partitions)) {
      for (const record of recordsOf(topic, partitionIndex, records ?? [])) {
        if (record.offset < at.get(partitionIndex)!) continue;
        at.set(partitionIndex, record.offset + 1n);
        if (take(record)) return;
      }
      const last = records?.at(-1);
      if (last !== undefined) at.set(partitionIndex, last.firstOffset + BigInt(last.lastOffsetDelta) + 1n);
    }
    if (partitions.length > here.length) {
      const rest = partitions.filter((one) => !here.includes(one));
      void fetchLoop(consumer, topic, rest, at, stop, take).catch(() => stop.now());
      return fetchLoop(consumer, topic, here, at, stop, take);
    }
    await systemClock.sleep(0);
  }
}

const CONTROL = 0x20;

/** What applications wrote: the marks of transactions are not for them. */
function* recordsOf(topic: string, partition: number, batches: readonly RecordsBatch[]): Generator<Record> {
  for (const batch of batches) {
    if ((batch.attributes & CONTROL) !== 0) continue;
    for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records as KafkaRecord[]) {
      yield {
        topic,
        partition,
        offset: batch.firstOffset + BigInt(offsetDelta),
        timestamp: batch.firstTimestamp + timestampDelta,
        key,
        value,
        headers,
      };
    }
  }
}
