import { DecodeError } from "../../bytes/reader.ts";
import type { Observer, Refusal } from "../../hooks/observer.ts";
import type { ConnectionInfo } from "../../hooks/plugin.ts";
import { type Batch, batches } from "../wire/batch.ts";
import { type KafkaRecord, records } from "../wire/records.ts";
import type { Place } from "./endpoint.ts";
import { RecordEvent } from "./events.ts";

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

const messages = (connection: ConnectionInfo | null, place: Place, batch: Batch): RecordEvent[] =>
  opened(batch).map((record) => new RecordEvent(connection, place, record, null));

/** Tells of a batch that came. */
export function receivedBatch(observer: Observer, connection: ConnectionInfo, place: Place, batch: Batch): void {
  for (const message of messages(connection, place, batch)) observer.received(message);
}

/** Tells that a whole batch was not stored. */
export function refusedBatch(observer: Observer, connection: ConnectionInfo, place: Place, batch: Batch, how: Refusal): void {
  for (const message of messages(connection, place, batch)) observer.refused(message, how);
}

/** Tells of a batch that was stored from `baseOffset` on; `seen` are the objects that the hooks saw, record by record. */
export function storedBatch(
  observer: Observer,
  connection: ConnectionInfo | null,
  place: Place,
  batch: Batch,
  baseOffset: number,
  seen: readonly RecordEvent[] | null,
): void {
  opened(batch).forEach((record, i) => {
    const offset = record.offset - batch.baseOffset + baseOffset;
    observer.stored(place.name, offset, seen?.[i] ?? new RecordEvent(connection, place, record, null));
  });
}

/** Tells of what a fetch from `offset` on got. */
export function deliveredRecords(
  observer: Observer,
  connection: ConnectionInfo,
  place: Place,
  offset: number,
  views: readonly Buffer[],
): void {
  for (const view of views) {
    for (const batch of batches(view)) {
      for (const record of opened(batch)) {
        if (record.offset >= offset) observer.delivered(deliveryOf(connection, place, record.offset, null), false);
      }
    }
  }
}

/** A record on its way to one consumer, as the observer is told of it. */
export function deliveryOf(connection: ConnectionInfo, place: Place, offset: number, event: RecordEvent | null) {
  return { protocol: "kafka", place: place.name, id: offset, consumer: "", connection, tag: offset, event } as const;
}
