import type { Batch } from "../wire/batch.ts";
import type { ErrorName } from "../wire/errors.ts";

/** Batches per producer whose repetition is recognised, as in Kafka: as many as a client may have in flight. */
const REMEMBERED = 5;
const SEQUENCES = 2 ** 31;

export interface Sent {
  first: number;
  last: number;
  offset: number;
  /** The latest time in it: what its repetition is answered with. */
  time: number;
}

/** What is remembered of one producer, as plain data. */
export interface ProducerState {
  id: number;
  epoch: number;
  sent: Sent[];
  /** Milliseconds since it sent something. */
  ago: number;
}

interface Producer {
  epoch: number;
  /** Oldest first. */
  sent: Sent[];
  lastTime: number;
}

/**
 * What one partition remembers of its idempotent producers (KIP-98): a batch that is sent again is
 * acknowledged with the offset it already has, one that skips ahead is refused.
 */
export class Producers {
  private readonly known = new Map<number, Producer>();

  get size(): number {
    return this.known.size;
  }

  /** The batch as it was stored before, an error, or null: it is new and in order. */
  check(batch: Batch): Sent | ErrorName | null {
    const producer = this.known.get(batch.producerId);
    // State that is gone, by retention or DeleteRecords, is no reason to refuse: any sequence will do (KIP-360).
    if (producer === undefined) return null;
    const { producerEpoch, baseSequence } = batch;
    if (producerEpoch < producer.epoch) return "INVALID_PRODUCER_EPOCH";
    if (producerEpoch > producer.epoch) return baseSequence === 0 ? null : "OUT_OF_ORDER_SEQUENCE_NUMBER";
    const last = lastSequence(batch);
    const again = producer.sent.find((sent) => sent.first === baseSequence && sent.last === last);
    if (again !== undefined) return again;
    return baseSequence === (producer.sent.at(-1)!.last + 1) % SEQUENCES ? null : "OUT_OF_ORDER_SEQUENCE_NUMBER";
  }

  /** The batch, as the producer numbered it, was stored at `offset`. */
  stored(batch: Batch, offset: number, time: number, now: number): void {
    const { producerId, producerEpoch } = batch;
    let producer = this.known.get(producerId);
    if (producer === undefined || producer.epoch !== producerEpoch) {
      this.known.set(producerId, (producer = { epoch: producerEpoch, sent: [], lastTime: now }));
    }
    producer.lastTime = now;
    producer.sent.push({ first: batch.baseSequence, last: lastSequence(batch), offset, time });
    if (producer.sent.length > REMEMBERED) producer.sent.shift();
  }

  save(now: number): ProducerState[] {
    return [...this.known].map(([id, { epoch, sent, lastTime }]) => ({
      id,
      epoch,
      sent: sent.map((one) => ({ ...one })),
      ago: now - lastTime,
    }));
  }
  load(states: readonly ProducerState[], now: number): void {
    for (const { id, epoch, sent, ago } of states)
      this.known.set(id, { epoch, sent: sent.map((one) => ({ ...one })), lastTime: now - ago });
  }

  /** Forgets what was stored from `offset` on. */
  truncate(offset: number): void {
    for (const [id, producer] of this.known) {
      producer.sent = producer.sent.filter((sent) => sent.offset < offset);
      if (producer.sent.length === 0) this.known.delete(id);
    }
  }

  /** Forgets producers that sent nothing since `time` (`producer.id.expiration.ms`). */
  expire(time: number): void {
    for (const [id, producer] of this.known) if (producer.lastTime < time) this.known.delete(id);
  }
}

/** Sequences start again at 0 after 2^31 - 1. */
function lastSequence(batch: Batch): number {
  return (batch.baseSequence + batch.lastOffsetDelta) % SEQUENCES;
}
