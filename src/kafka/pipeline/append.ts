import { DecodeError } from "../../bytes/reader.ts";
import type { Final } from "../../hooks/chain.ts";
import type { Connection } from "../../net/connection.ts";
import { type Batch, CODECS, producedBatch, Refused } from "../wire/batch.ts";
import type { Call } from "../broker/call.ts";
import { Errors } from "../wire/errors.ts";
import type { RecordEvent } from "./events.ts";
import { applyMessageHooks, Stragglers } from "./messages.ts";
import { receivedBatch, refusedBatch, storedBatch } from "./observed.ts";
import { type KafkaRecord, records, rewrite } from "../wire/records.ts";
import type { Partition } from "../broker/topics.ts";

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
  /** Set when a hook cut the connection. */
  readonly close?: Final & { kind: "close" | "hang" };
}

export function refused(error: number, reason: string | null = null, unread = false): Appended {
  return { error, baseOffset: -1, logAppendTime: -1, reason, unread };
}

const ZSTD_FROM_VERSION = 7; // KIP-110
const NO_TIMESTAMP = -1;

/** Checks, hooks and stores what a producer sent for one partition. Without a hook that is concerned the batch is not opened. */
export function append(call: Call, partition: Partition, sent: Buffer | null, acks: number): Appended | Promise<Appended> {
  const batch = producedBatch(sent, partition.topic.config.maxMessageBytes);
  if (batch instanceof Refused) return refused(Errors[batch.error], batch.reason, batch.unread);
  const { observer } = call.connection.hooks;
  if (observer === null) return appendBatch(call, partition, batch, acks);
  call.kept = true;
  receivedBatch(observer, call.connection, partition, batch);
  const told = (appended: Appended): Appended => {
    const { error, repeated, close } = appended;
    const how = error !== Errors.NONE ? "error" : repeated ? "repeated" : close !== undefined ? "close" : null;
    if (how !== null) refusedBatch(observer, call.connection, partition, batch, how);
    return appended;
  };
  const appended = appendBatch(call, partition, batch, acks);
  return appended instanceof Promise ? appended.then(told) : told(appended);
}

function appendBatch(call: Call, partition: Partition, batch: Batch, acks: number): Appended | Promise<Appended> {
  try {
    const problem = check(call, partition, batch, acks, call.since);
    if (problem !== null) return problem;
    const { hooks } = call.connection;
    if (hooks.message !== null) {
      const chain = hooks.message.select(call.connection, partition.topic.name);
      if (chain !== null) {
        call.kept = true;
        return appendHooked(call, partition, batch, acks, chain, call.connection).catch(unreadable);
      }
    }
    return store(call, partition, batch, batch, call.since, null);
  } catch (error) {
    return unreadable(error);
  }
}

/** Whoever opened the batch did not find the records that its header promises. */
function unreadable(error: unknown): Appended {
  if (error instanceof DecodeError) return refused(Errors.INVALID_RECORD, String(error));
  throw error;
}

type Chain = NonNullable<Connection["hooks"]["message"]>;

async function appendHooked(
  call: Call,
  partition: Partition,
  batch: Batch,
  acks: number,
  chain: Chain,
  connection: Connection,
): Promise<Appended> {
  const { host } = call.cluster;
  const stragglers = new Stragglers(partition, host);
  let stored = false;
  try {
    const outcome = await applyMessageHooks(chain, connection, partition, batch, stragglers, call);
    if ("error" in outcome) return refused(outcome.error, outcome.reason);
    if ("close" in outcome) return { ...refused(Errors.NONE), close: outcome.close };
    // Time may have passed: the partition can have another leader, or this batch from a second attempt.
    const now = host.clock.now();
    const problem = check(call, partition, batch, acks, now);
    if (problem !== null) return problem;
    stored = true;
    if (outcome.batch !== null) return store(call, partition, batch, outcome.batch, now, outcome.kept);
    // All of it comes later, and is still known when it is sent again.
    const baseOffset = partition.log.end;
    if (batch.producerId >= 0) partition.producers.stored(batch, baseOffset, batch.maxTimestamp, now);
    return { error: Errors.NONE, baseOffset, logAppendTime: -1, reason: null };
  } finally {
    stragglers.settle(stored);
  }
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

/** @param sent as the producer numbered it @param batch what goes into the log @param hooked its records, where hooks saw them */
function store(call: Call, partition: Partition, sent: Batch, batch: Batch, now: number, hooked: readonly RecordEvent[] | null): Appended {
  const { logAppendTime } = partition.topic.config;
  const { hooks } = call.connection;
  const appended = recompressed(partition, batch);
  const baseOffset = partition.log.end;
  if (partition.append(appended, now, call.kept || call.shared)) call.kept = true;
  if (hooks.observer !== null) storedBatch(hooks.observer, call.connection, partition, appended, hooked);
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
