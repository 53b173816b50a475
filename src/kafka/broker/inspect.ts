import { DecodeError, Reader } from "../../bytes/reader.ts";
import { Entry } from "../../core/log.ts";
import { batches } from "../wire/batch.ts";
import type { Group } from "./groups/group.ts";
import { type KafkaRecord, records } from "../wire/records.ts";
import type { Partition, Topic } from "./topics.ts";

/** Bytes that are opened at a time. */
const CHUNK = 1024 * 1024;

/** The records of a partition from `offset` on, without anybody noticing; batches that cannot be read are passed over. */
export function* browse(partition: Partition, offset: number): Generator<KafkaRecord, void> {
  const { log } = partition;
  let at = Math.max(offset, log.start);
  while (at < log.end) {
    const entries = log.read(at, CHUNK, true);
    if (entries.length === 0) return;
    // All of them at once: between two records the log may let go of what comes next.
    for (const bytes of Entry.pieces(entries)) {
      for (const batch of batches(bytes)) {
        if (batch.control) continue;
        try {
          for (const record of records(batch)) if (record.offset >= at) yield record;
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
        }
      }
    }
    at = entries.at(-1)!.next;
  }
}

/** What a consumer was given by the leader of its group: a version, then topics with their partitions. Null when it is not written so. */
export function assigned(assignment: Buffer): { topic: string; partitions: number[] }[] | null {
  if (assignment.length === 0) return [];
  try {
    const r = new Reader(assignment, 2);
    const topics: { topic: string; partitions: number[] }[] = [];
    for (let left = r.i32(); left > 0; left--) {
      const topic = r.utf8(r.i16());
      const partitions: number[] = [];
      for (let more = r.i32(); more > 0; more--) partitions.push(r.i32());
      topics.push({ topic, partitions });
    }
    return topics;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/** One committed position of a group, and how far the log has gone on from there. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly committed: number;
  /** The end of the log; -1 where there is no such partition. */
  readonly end: number;
  readonly lag: number;
  readonly metadata: string;
}

/**
 * Records that a group has yet to commit, in the partitions where it committed any, of all topics or one; null
 * where it committed nothing.
 */
export function lagOf(group: Group, topics: ReadonlyMap<string, Topic>, topic?: string): number | null {
  let behind: number | null = null;
  for (const { topic: name, lag } of positions(group, topics)) if (topic === undefined || topic === name) behind = (behind ?? 0) + lag;
  return behind;
}

export function* positions(group: Group, topics: ReadonlyMap<string, Topic>): Generator<Position, void> {
  for (const [topic, partitions] of group.offsets) {
    for (const [partition, { offset, metadata }] of partitions) {
      const log = topics.get(topic)?.partitions[partition]?.log;
      yield {
        topic,
        partition,
        committed: offset,
        end: log?.end ?? -1,
        lag: log === undefined ? 0 : Math.max(0, log.end - Math.max(offset, log.start)),
        metadata,
      };
    }
  }
}
