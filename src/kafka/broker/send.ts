import { inject, inTurn, Sent } from "../../pipeline/inject.ts";
import type { Outgoing, Target } from "../../hooks/plugin.ts";
import type { KafkaCluster } from "./cluster.ts";
import { headersOf, RecordEvent } from "../pipeline/events.ts";
import { storedBatch } from "../pipeline/observed.ts";
import { bytesOf, partitionOf } from "./publish.ts";
import { type RecordDraft, writeBatch } from "../wire/records.ts";
import { NO_LEADER, type Partition } from "./topics.ts";

/** A batch is begun anew at this many bytes of keys and values. */
const BATCH_BYTES = 256 * 1024;

/**
 * Puts records into their topics as a producer would: through the `message` hooks, to leaders that
 * are there. Those that no hook is concerned with go in by batches, one for each partition.
 */
export function send(cluster: KafkaCluster, messages: readonly Outgoing[]): Sent | Promise<Sent> {
  const sent = new Sent();
  const batches = new Map<Partition, { records: RecordDraft[]; bytes: number }>();
  const now = cluster.host.clock.now();

  const { hooks } = cluster.host;

  const flush = (partition: Partition, records: RecordDraft[], event: RecordEvent | null = null): void => {
    if (partition.gone) return sent.refuse(`${partition.topic.name} was deleted`);
    const batch = writeBatch({ records });
    partition.append(batch, cluster.host.clock.now(), true);
    if (hooks.observer !== null) storedBatch(hooks.observer, null, partition, batch, event === null ? null : [event]);
    sent.accepted += records.length;
  };
  const flushAll = (): void => {
    for (const [partition, { records }] of batches) flush(partition, records);
    batches.clear();
  };

  const one = (message: Outgoing): void | Promise<void> => {
    if (message.protocol !== "kafka") throw new TypeError(`${message.protocol} messages are not for Kafka`);
    let partition: Partition;
    const key = bytesOf(message.key ?? null),
      value = bytesOf(message.payload);
    try {
      partition = partitionOf(cluster, message, key);
    } catch (error) {
      return sent.refuse((error as Error).message);
    }
    if (partition.leader === NO_LEADER) return sent.refuse(`LEADER_NOT_AVAILABLE for ${partition.name}`);
    const headers = headersOf(message.headers ?? {});
    const chain = hooks.message?.select(null, partition.topic.name) ?? null;
    if (chain === null && hooks.observer === null) {
      let batch = batches.get(partition);
      if (batch === undefined) batches.set(partition, (batch = { records: [], bytes: 0 }));
      batch.records.push({ timestamp: now, key, value, headers });
      batch.bytes += (key?.length ?? 0) + (value?.length ?? 0);
      if (batch.bytes < BATCH_BYTES) return;
      flush(partition, batch.records);
      batches.delete(partition);
      return;
    }
    const record = { offset: 0, timestamp: now, key: asBuffer(key), value: asBuffer(value), headers };
    const event = new RecordEvent(null, partition, record, null);
    const store = (): void => {
      const { offset: _, ...draft } = event.draft();
      flush(partition, [draft], event);
    };
    const reroute = (to: Target): void =>
      cluster.host.publish({ ...to, payload: event.hasValue ? event.payload : null, key: event.keyBytes, headers: { ...event.headers } });
    return inject({ event, chain, observer: hooks.observer, store, reroute }, sent);
  };

  const wait = inTurn(messages, one);
  flushAll();
  if (!(wait instanceof Promise)) return sent;
  return wait.then(() => {
    flushAll();
    return sent;
  });
}

function asBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null || Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
