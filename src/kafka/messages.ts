import { DecodeError } from "../bytes/reader.ts";
import type { Entry } from "../core/log.ts";
import type { Outgoing, Target } from "../hooks/plugin.ts";
import type { Chain, Final } from "../hooks/seam.ts";
import type { Connection } from "../net/connection.ts";
import type { Host } from "../net/net.ts";
import { type Batch, batches } from "./batch.ts";
import { Errors } from "./errors.ts";
import { RecordEvent } from "./events.ts";
import { type KafkaRecord, type RecordDraft, records, rewrite } from "./records.ts";
import type { Partition } from "./topics.ts";

type Close = Final & { kind: "close" };

/** `kept`: what the hooks saw, for each record of the batch. */
export type Hooked = { batch: Batch; kept: readonly RecordEvent[] } | { error: number; reason: string } | { close: Close };

/**
 * Sends every record of a produced batch through the `message` hooks. What they drop leaves a hole
 * in the offsets, as compaction does; what they double takes offsets of its own. A batch they leave
 * alone stays as it came.
 */
export async function applyMessageHooks(chain: Chain, connection: Connection, partition: Partition, batch: Batch, host: Host): Promise<Hooked> {
  const { observer } = connection.hooks;
  const drafts: RecordDraft[] = [];
  const kept: RecordEvent[] = [];
  const keep = (event: RecordEvent, at: number): void => {
    drafts.push({ ...event.draft(), offset: at });
    kept.push(event);
  };
  let offset = batch.baseOffset;
  let changed = false;
  for (const record of records(batch)) {
    const event = new RecordEvent(connection, partition, record, null);
    const decision = chain.decide(event);
    const final = decision instanceof Promise ? await decision : decision;
    changed ||= event.changed || final !== null;
    switch (final?.kind) {
      case "fail": {
        const error = Errors[final.code as keyof typeof Errors];
        if (error === undefined) host.print(`kafka: there is no error named ${final.code}: answered with UNKNOWN_SERVER_ERROR`);
        return { error: error ?? Errors.UNKNOWN_SERVER_ERROR, reason: final.reason ?? "" };
      }
      case "close": return { close: final };
      case "reroute":
        observer?.refused(event, "reroute");
        host.publish(outgoing(event, final.to));
        break;
      case "drop":
        observer?.refused(event, "drop");
        break;
      case "duplicate":
        for (let times = final.times; times > 0; times--) keep(event, offset++);
        keep(event, offset);
        break;
      default: keep(event, offset);
    }
    offset++;
  }
  if (!changed) return { batch, kept };
  return { batch: rewrite(batch, drafts, { lastOffsetDelta: offset - 1 - batch.baseOffset }), kept };
}

/**
 * Sends the records of a fetch through the `delivery` hooks, from `offset` on: earlier ones in the
 * first batch are there because batches are not cut, and clients skip them.
 */
export async function applyDeliveryHooks(
  chain: Chain, connection: Connection, partition: Partition, offset: number, entries: readonly Entry[], host: Host,
): Promise<Buffer[] | Close> {
  const { observer } = connection.hooks;
  const views: Buffer[] = [];
  for (const { bytes } of entries) {
    for (const batch of batches(bytes)) {
      const found = batch.control ? null : opened(batch);
      if (found === null) {
        views.push(batch.bytes);
        continue;
      }
      const kept: RecordDraft[] = [];
      let changed = false;
      for (const record of found) {
        if (record.offset < offset) {
          kept.push(record);
          continue;
        }
        const event = new RecordEvent(connection, partition, record, connection.clientId);
        const decision = chain.decide(event);
        const final = decision instanceof Promise ? await decision : decision;
        changed ||= event.changed || final !== null;
        if (final !== null && final.kind !== "duplicate" && observer !== null) {
          const place = { protocol: "kafka", place: partition.name, id: record.offset, consumer: "", connection, tag: record.offset, event } as const;
          observer.withheld(place, final.kind, final.kind !== "close");
        }
        if (final === null) kept.push(event.draft());
        else if (final.kind === "close") return final;
        else if (final.kind === "reroute") host.publish(outgoing(event, final.to));
        else if (final.kind === "duplicate") {
          // Two records cannot have one offset, and clients go by offsets.
          host.print(`kafka: a delivery cannot be doubled: duplicate the message before it is stored instead`);
          kept.push(event.draft());
        }
      }
      views.push(changed ? rewrite(batch, kept).bytes : batch.bytes);
    }
  }
  return views;
}

/** Null: what came from the producer cannot be read, and passes as it is. */
function opened(batch: Batch): KafkaRecord[] | null {
  try {
    return [...records(batch)];
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function outgoing(event: RecordEvent, to: Target): Outgoing {
  return { ...to, payload: event.hasValue ? event.payload : null, key: event.keyBytes, headers: { ...event.headers } };
}
