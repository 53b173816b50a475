import { DecodeError } from "../../bytes/reader.ts";
import type { Chain, Final } from "../../hooks/chain.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import { Batch, batches } from "../wire/batch.ts";
import { Errors } from "../wire/errors.ts";
import { type KafkaRecord, type RecordDraft, records, rewrite } from "../wire/records.ts";
import { deliveredRecords, deliveryOf } from "./account.ts";
import type { KafkaApi, KafkaCall, KafkaEndpoint, Place } from "./endpoint.ts";
import { outgoing, RecordEvent } from "./events.ts";

/** One batch on its way to a consumer, as its records are looked at. */
interface Opened {
  readonly place: Place;
  readonly kept: RecordDraft[];
}

/** What is left of a record: it goes on or not, the connection ends, or the log was cut behind it. */
type Fate = "on" | Close | Hang | "expired";

/** The way out of records: what a Fetch got passes the `delivery` hooks and is accounted for, whoever answered. */
export class Outlet {
  constructor(
    private readonly endpoint: KafkaEndpoint,
    private readonly pipeline: Pipeline,
  ) {}

  /** Whether anybody wants to see what answers of this API carry. */
  concerns(api: KafkaApi): boolean {
    return api.records === "out" && (this.pipeline.seesDeliveries || this.pipeline.observer !== null);
  }

  async carryOut(api: KafkaApi, call: KafkaCall, body: any): Promise<any> {
    const { connection } = call;
    const response = await api.handle(call, body);
    if (response === null || response === undefined) return response;
    let changed = false;
    for (const [t, { topic: name, topicId, partitions }] of response.responses.entries()) {
      for (const [p, data] of partitions.entries()) {
        const place =
          data.errorCode !== 0 || (data.records?.length ?? 0) === 0
            ? undefined
            : this.endpoint.place(call, { name, topicId }, data.partitionIndex);
        if (place === undefined) continue;
        const views: readonly Buffer[] = Array.isArray(data.records) ? data.records : [data.records];
        const offset = offsetAsked(body, t, p, name, topicId, data.partitionIndex);
        const chain = this.pipeline.deliveries(connection, place.topic.name);
        if (chain !== null) {
          const outcome = await this.ask(chain, call, place, offset, views);
          changed ||= outcome !== views;
          if (typeof outcome === "number") {
            Object.assign(data, {
              errorCode: Errors.OFFSET_OUT_OF_RANGE,
              highWatermark: -1,
              lastStableOffset: -1,
              logStartOffset: outcome,
              abortedTransactions: null,
              records: [],
            });
            continue;
          }
          if ("kind" in outcome) {
            this.pipeline.end(connection, outcome);
            return null;
          }
          data.records = outcome;
        }
        if (this.pipeline.observer !== null) {
          deliveredRecords(this.pipeline.observer, connection, place, offset, chain === null ? views : data.records);
        }
      }
    }
    // Another object where it says something else: its endpoint may have the answer in bytes.
    return changed ? { ...response } : response;
  }

  /**
   * Asks for each record from `offset` on: earlier ones in the first batch are there because batches
   * are not cut, and clients skip them. The very views come back where nothing changed; a number is
   * where the log begins after it was cut.
   */
  private async ask(
    chain: Chain,
    call: KafkaCall,
    place: Place,
    offset: number,
    views: readonly Buffer[],
  ): Promise<readonly Buffer[] | Close | Hang | number> {
    const { connection } = call;
    const passed: Buffer[] = [];
    let different = false;
    for (const view of views) {
      for (const batch of batches(view)) {
        const found = batch.control ? null : opened(batch);
        if (found === null) {
          passed.push(batch.bytes);
          continue;
        }
        const subject: Opened = { place, kept: [] };
        let changed = false,
          brokenCrc = false;
        for (const record of found) {
          if (record.offset < offset) {
            subject.kept.push(record);
            continue;
          }
          const event = new RecordEvent(connection, place, record, connection.clientId);
          const decision = chain.decide(event);
          const final = decision instanceof Promise ? await decision : decision;
          changed ||= event.changed || final !== null;
          brokenCrc ||= event.brokenCrc;
          if (final !== null) this.tell(final, call, place, event, record.offset);
          const fate = applyVerdict(final, { opened: subject, event, record }, this.onDelivery);
          if (fate === "on") continue;
          if (fate !== "expired") return fate;
          const start = this.endpoint.removeBelow(place, record.offset + 1);
          if (typeof start === "string") {
            this.refuse({ opened: subject, event }, start);
            continue;
          }
          this.pipeline.observer?.trimmed(place.name, record.offset + 1, "expired");
          return start;
        }
        different ||= changed || brokenCrc;
        const sent = changed ? rewrite(batch, subject.kept) : batch;
        passed.push(brokenCrc ? withBrokenCrc(sent) : sent.bytes);
      }
    }
    return different ? passed : views;
  }

  private tell(final: Final, { connection }: KafkaCall, place: Place, event: RecordEvent, offset: number): void {
    const { kind } = final;
    if (kind === "duplicate" || kind === "later") return;
    this.pipeline.observer?.withheld(deliveryOf(connection, place, offset, event), kind, kind !== "close" && kind !== "hang");
  }

  private readonly onDelivery: AdapterAt<"delivery", { opened: Opened; event: RecordEvent; record: KafkaRecord }, Fate> = {
    pass: ({ opened, event }) => {
      opened.kept.push(event.draft());
      return "on";
    },
    drop: () => "on",
    close: (_, verdict) => verdict,
    expire: () => "expired",
    reroute: ({ event }, { to }) => {
      this.endpoint.host.publish(outgoing(event, to));
      return "on";
    },
    // Two records cannot have one offset, and clients go by offsets.
    duplicate: (subject) => this.refuse(subject, NO_DOUBLES),
    later: (subject) => this.refuse(subject, NO_DOUBLES),
  };

  /** What was decided cannot be done: the record goes on as it is. */
  private refuse({ opened, event }: { opened: Opened; event: RecordEvent }, why: string): Fate {
    this.endpoint.host.print(`kafka: ${why}`);
    opened.kept.push(event.draft());
    return "on";
  }
}

const NO_DOUBLES = "a delivery cannot be doubled or change places: let it happen to the message before it is stored";

/** Where a Fetch request begins to read a partition: most answers name partitions in the order in which they were asked for. */
function offsetAsked(body: any, t: number, p: number, name: string, topicId: string, index: number): number {
  const same = (topic: any): boolean => topic.topic === name && topic.topicId === topicId;
  const first = body.topics[t];
  if (first !== undefined && same(first) && first.partitions[p]?.partition === index) return first.partitions[p].fetchOffset;
  for (const topic of body.topics) {
    if (!same(topic)) continue;
    for (const { partition, fetchOffset } of topic.partitions) if (partition === index) return fetchOffset;
  }
  return 0;
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
