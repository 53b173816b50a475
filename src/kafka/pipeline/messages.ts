import { DecodeError } from "../../bytes/reader.ts";
import type { Entry } from "../../core/log.ts";
import type { Outgoing, Target } from "../../hooks/plugin.ts";
import type { Chain, Final } from "../../hooks/seam.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import { Batch, batches } from "../wire/batch.ts";
import type { Call } from "../broker/call.ts";
import { Errors } from "../wire/errors.ts";
import { RecordEvent } from "./events.ts";
import { storedBatch } from "./observed.ts";
import { type KafkaRecord, type RecordDraft, records, rewrite, writeBatch } from "../wire/records.ts";
import type { Partition } from "../broker/topics.ts";

type Close = Final & { kind: "close" | "hang" };

/** `batch` is null when nothing is left to be stored now; `kept`: what the hooks saw, for each record of it. */
export type Hooked = { batch: Batch | null; kept: readonly RecordEvent[] } | { error: number; reason: string } | { close: Close };

/**
 * Records of one batch that let others pass. Their producer has one answer for all of the batch: they
 * come with the rest of it, behind it once it is stored, and not at all where it was refused.
 */
export class Stragglers {
  private batch: "open" | "closed" | "stored" | "refused" = "open";
  private readonly waiting: RecordEvent[] = [];

  constructor(
    private readonly partition: Partition,
    private readonly host: Host,
  ) {}

  /** The turn of a record has come. @param join takes it into the batch, to which the hooks are still asked */
  come(event: RecordEvent, join: () => void): void {
    if (this.batch === "open") join();
    else if (this.batch === "closed") this.waiting.push(event);
    else if (this.batch === "stored") this.append(event);
  }

  /** The hooks have seen all of the batch. */
  close(): void {
    this.batch = "closed";
  }

  /** It is known what becomes of the batch. */
  settle(stored: boolean): void {
    this.batch = stored ? "stored" : "refused";
    if (stored) for (const event of this.waiting) this.append(event);
    this.waiting.length = 0;
  }

  private append(event: RecordEvent): void {
    const { partition, host } = this;
    if (partition.gone) return;
    const { offset: _, ...record } = event.draft();
    const batch = writeBatch({ records: [record] });
    partition.append(batch, host.clock.now(), true);
    const { observer } = host.hooks;
    if (observer !== null) storedBatch(observer, event.connection, partition, batch, [event]);
  }
}

/**
 * Sends every record of a produced batch through the `message` hooks. What they drop leaves a hole
 * in the offsets, as compaction does; what they double takes offsets of its own; what they put aside
 * comes later, in this batch or in one of its own. A batch they leave alone stays as it came.
 */
export async function applyMessageHooks(
  chain: Chain,
  connection: Connection,
  partition: Partition,
  batch: Batch,
  stragglers: Stragglers,
  call: Call,
): Promise<Hooked> {
  const { host } = call.cluster;
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
      case "hang":
      case "close":
        return { close: final };
      case "later":
        final.go(() => stragglers.come(event, () => keep(event, offset++)));
        continue;
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
      default:
        keep(event, offset);
    }
    // The producer's check would find it, and is what the broker's finds.
    if (event.brokenCrc) return { error: Errors.CORRUPT_MESSAGE, reason: "the checksum does not match" };
    offset++;
  }
  stragglers.close();
  if (!changed) return { batch, kept };
  if (offset === batch.baseOffset) return { batch: null, kept };
  return { batch: rewrite(batch, drafts, { lastOffsetDelta: offset - 1 - batch.baseOffset }), kept };
}

/**
 * Sends the records of a fetch through the `delivery` hooks, from `offset` on: earlier ones in the
 * first batch are there because batches are not cut, and clients skip them.
 */
export async function applyDeliveryHooks(
  chain: Chain,
  connection: Connection,
  partition: Partition,
  offset: number,
  entries: readonly Entry[],
  host: Host,
): Promise<Buffer[] | Close | "expired"> {
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
      let changed = false,
        brokenCrc = false;
      for (const record of found) {
        if (record.offset < offset) {
          kept.push(record);
          continue;
        }
        const event = new RecordEvent(connection, partition, record, connection.clientId);
        const decision = chain.decide(event);
        const final = decision instanceof Promise ? await decision : decision;
        changed ||= event.changed || final !== null;
        if (final !== null && final.kind !== "duplicate" && final.kind !== "later" && observer !== null) {
          const place = {
            protocol: "kafka",
            place: partition.name,
            id: record.offset,
            consumer: "",
            connection,
            tag: record.offset,
            event,
          } as const;
          observer.withheld(place, final.kind, final.kind !== "close" && final.kind !== "hang");
        }
        brokenCrc ||= event.brokenCrc;
        switch (final?.kind) {
          case "hang":
          case "close":
            return final;
          case "reroute":
            host.publish(outgoing(event, final.to));
            break;
          case "drop":
            break;
          case "expire":
            // Logs are cut from the front: what is older goes with it.
            partition.log.deleteBefore(record.offset + 1);
            if (observer !== null) observer.trimmed(partition.name, record.offset + 1, "expired");
            return "expired";
          default:
            // Two records cannot have one offset, and clients go by offsets.
            if (final !== null)
              host.print(`kafka: a delivery cannot be doubled or change places: let it happen to the message before it is stored`);
            kept.push(event.draft());
        }
      }
      const sent = changed ? rewrite(batch, kept) : batch;
      views.push(brokenCrc ? withBrokenCrc(sent) : sent.bytes);
    }
  }
  return views;
}

/** A copy of a batch with a checksum that does not fit: the log's own bytes stay as they are. */
function withBrokenCrc(batch: Batch): Buffer {
  const copy = new Batch(Buffer.from(batch.bytes), 0);
  copy.spoilChecksum();
  return copy.buf;
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
