import { DecodeError } from "../../bytes/reader.ts";
import type { Observer, Refusal } from "../../hooks/observer.ts";
import type { ConnectionInfo } from "../../hooks/plugin.ts";
import { type Batch, batches } from "../wire/batch.ts";
import { RecordEvent } from "./events.ts";
import { type KafkaRecord, records } from "../wire/records.ts";
import type { Partition } from "../broker/topics.ts";

/** The records of a batch; none where it cannot be read: it is stored and served as it is, without an account. */
function opened(batch: Batch): KafkaRecord[] {
  if (batch.control) return [];
  try {
    return [...records(batch)];
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

const messages = (connection: ConnectionInfo | null, partition: Partition, batch: Batch): RecordEvent[] =>
  opened(batch).map((record) => new RecordEvent(connection, partition, record, null));

/** Tells of a batch that came. */
export function receivedBatch(observer: Observer, connection: ConnectionInfo, partition: Partition, batch: Batch): void {
  for (const message of messages(connection, partition, batch)) observer.received(message);
}

/** Tells that a whole batch was not stored. */
export function refusedBatch(observer: Observer, connection: ConnectionInfo, partition: Partition, batch: Batch, how: Refusal): void {
  for (const message of messages(connection, partition, batch)) observer.refused(message, how);
}

/** Tells of a batch that was stored; `hooked` are the objects that the hooks saw, record by record. */
export function storedBatch(
  observer: Observer,
  connection: ConnectionInfo | null,
  partition: Partition,
  batch: Batch,
  hooked: readonly RecordEvent[] | null,
): void {
  opened(batch).forEach((record, i) => {
    observer.stored(partition.name, record.offset, hooked?.[i] ?? new RecordEvent(connection, partition, record, null));
  });
}

/** Tells of what a fetch from `offset` on got. */
export function deliveredRecords(
  observer: Observer,
  connection: ConnectionInfo,
  partition: Partition,
  offset: number,
  views: readonly Buffer[],
): void {
  for (const view of views) {
    for (const batch of batches(view)) {
      for (const record of opened(batch)) {
        if (record.offset < offset) continue;
        const place = {
          protocol: "kafka",
          place: partition.name,
          id: record.offset,
          consumer: "",
          connection,
          tag: record.offset,
          event: null,
        } as const;
        observer.delivered(place, false);
      }
    }
  }
}
