import { type Batch, CODECS, producedBatch, Refused } from "../wire/batch.ts";
import { Errors } from "../wire/errors.ts";
import { type KafkaRecord, records, rewrite } from "../wire/records.ts";
import { DecodeError } from "../../bytes/reader.ts";
import type { Produced } from "../pipeline/endpoint.ts";
import type { Call } from "./call.ts";
import type { Partition } from "./topics.ts";

/** What became of the batch for one partition. */
export interface Appended {
  readonly error: number;
  readonly baseOffset: number;
  readonly logAppendTime: number;
  readonly reason: string | null;
  /** Which records of the batch it was. */
  readonly records?: readonly number[];
  /** The log was not asked. */
  readonly unread?: boolean;
  /** It lies in the log since an earlier attempt. */
  readonly repeated?: boolean;
}

export function refused(error: number, reason: string | null = null, unread = false): Appended {
  return { error, baseOffset: -1, logAppendTime: -1, reason, unread };
}

const ZSTD_FROM_VERSION = 7; // KIP-110
const NO_TIMESTAMP = -1;

/** Checks and stores what a producer sent for one partition. @param produced what the intake made of it, where it did */
export function append(call: Call, partition: Partition, sent: Buffer | null, acks: number, produced: Produced | undefined): Appended {
  const batch = produced?.sent ?? producedBatch(sent, partition.topic.config.maxMessageBytes);
  if (batch instanceof Refused) return refused(Errors[batch.error], batch.reason, batch.unread);
  try {
    const now = produced === undefined ? call.since : call.cluster.host.clock.now();
    const problem = check(call, partition, batch, acks, now);
    if (problem !== null) return problem;
    if (produced !== undefined) produced.stored = true;
    if (produced === undefined || produced.batch !== null) return store(call, partition, batch, produced?.batch ?? batch, now);
    // All of it comes later, and is still known when it is sent again.
    const baseOffset = partition.log.end;
    if (batch.producerId >= 0) partition.producers.stored(batch, baseOffset, batch.maxTimestamp, now);
    return { error: Errors.NONE, baseOffset, logAppendTime: -1, reason: null };
  } catch (error) {
    return unreadable(error);
  }
}

/** The answer that is clear before anything is stored: refused, or stored by an earlier attempt. Null: it may be stored. */
export function precheck(call: Call, partition: Partition, batch: Batch, acks: number): Appended | null {
  try {
    return check(call, partition, batch, acks, call.since);
  } catch (error) {
    return unreadable(error);
  }
}

/** Whoever opened the batch did not find the records that its header promises. */
function unreadable(error: unknown): Appended {
  if (error instanceof DecodeError) return refused(Errors.INVALID_RECORD, String(error));
  throw error;
}

/** The answer that is already clear; null: it may be stored. */
function check(call: Call, partition: Partition, batch: Batch, acks: number, now: number): Appended | null {
  const { config } = partition.topic;
  const lead = call.leads(partition, -1);
  if (lead !== Errors.NONE) return refused(lead);
  if (acks === -1 && partition.isr.length < config.minInsyncReplicas) {
    return refused(Errors.NOT_ENOUGH_REPLICAS, `${partition.isr.length} replicas in sync, ${config.minInsyncReplicas} needed`);
  }
  if (batch.codec === "zstd" && call.version < ZSTD_FROM_VERSION) {
    return refused(Errors.UNSUPPORTED_COMPRESSION_TYPE, `Produce v${call.version} cannot carry zstd`, true);
  }
  if (batch.transactional) return refused(Errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "the request names no transactional id", true);
  if (config.logAppendTime) {
    if (batch.logAppendTime) {
      const all = Array.from({ length: batch.count }, (_, index) => index);
      return { ...refused(Errors.INVALID_TIMESTAMP, "it is not for producers to say LogAppendTime"), records: all };
    }
  } else {
    const latest = now + config.timestampAfterMax,
      earliest = now - config.timestampBeforeMax;
    // The header tells the latest; the earliest it does not, so batches are opened where a topic has a bound for it.
    if (batch.maxTimestamp > latest || earliest > 0) {
      const wrong = which(batch, ({ timestamp }) => timestamp !== NO_TIMESTAMP && (timestamp > latest || timestamp < earliest));
      if (wrong.length > 0)
        return { ...refused(Errors.INVALID_TIMESTAMP, "a timestamp lies outside of what the topic allows"), records: wrong };
    }
  }
  if (batch.producerId >= 0) {
    const found = partition.producers.check(batch);
    if (typeof found === "string") return refused(Errors[found]);
    if (found !== null) return { error: Errors.NONE, baseOffset: found.offset, logAppendTime: found.time, reason: null, repeated: true };
  }
  if (config.compacted) {
    const wrong = which(batch, ({ key }) => key === null);
    if (wrong.length > 0) return { ...refused(Errors.INVALID_RECORD, "a compacted topic takes no record without a key"), records: wrong };
  }
  return null;
}

/** Indexes of the records that are so. */
function which(batch: Batch, so: (record: KafkaRecord) => boolean): number[] {
  return [...records(batch)].flatMap((record, index) => (so(record) ? [index] : []));
}

/** @param sent as the producer numbered it @param batch what goes into the log */
function store(call: Call, partition: Partition, sent: Batch, batch: Batch, now: number): Appended {
  const { logAppendTime } = partition.topic.config;
  const { received } = call;
  const appended = recompressed(partition, batch);
  const baseOffset = partition.log.end;
  if (partition.append(appended, now, received.isKept || received.isShared)) received.keep();
  const time = logAppendTime ? now : -1;
  if (sent.producerId >= 0) partition.producers.stored(sent, baseOffset, appended.maxTimestamp, now);
  return { error: Errors.NONE, baseOffset, logAppendTime: time, reason: null };
}

/** The topic may want another compression than the producer's. */
function recompressed(partition: Partition, batch: Batch): Batch {
  const { compression } = partition.topic.config;
  if (compression === "producer") return batch;
  const codec = compression === "uncompressed" ? null : CODECS.find((one) => one === compression)!;
  if (codec === batch.codec) return batch;
  return rewrite(batch, [...records(batch)], { codec });
}
