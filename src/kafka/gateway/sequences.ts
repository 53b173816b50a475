import { Batch } from "../wire/batch.ts";

/** Batches that an idempotent producer may have on their way at once, and that a broker knows again (KIP-98). */
const IN_FLIGHT = 5;
/** Producers, per partition, that are remembered: what a client of an older one sends is passed on as it came. */
const PRODUCERS_MOST = 1_000;

interface Renumbered {
  readonly epoch: number;
  /** The first sequence, as the producer counts, that is counted otherwise. */
  readonly from: number;
  /** What the cluster counts less (or more, above zero) than the producer. */
  shift: number;
  /** The newest batches by the producer's sequence, as they were sent on; null: nothing of it was. */
  readonly recent: Map<number, Batch | null>;
}

/**
 * An idempotent producer numbers its records, and the cluster refuses a gap. Where a hook left out or
 * doubled some, all that follow are numbered anew, and a batch that is sent again is sent on as it
 * was the first time, so that the cluster knows it again.
 */
export class Sequences {
  private readonly producers = new Map<string, Renumbered>();

  /** Whether a producer is numbered otherwise anywhere. */
  get inUse(): boolean {
    return this.producers.size > 0;
  }

  /** @param sent as its producer numbered it @param left what is left of it; null: nothing @returns what the cluster gets */
  renumber(place: string, sent: Batch, left: Batch | null): Batch | null {
    const { producerId, producerEpoch: epoch, baseSequence, count } = sent;
    if (producerId < 0) return left;
    const key = `${place} ${producerId}`;
    let producer = this.producers.get(key);
    if (producer !== undefined && producer.epoch !== epoch) {
      this.producers.delete(key);
      producer = undefined;
    }
    const lost = count - (left?.count ?? 0);
    if (producer === undefined) {
      if (lost === 0) return left;
      producer = { epoch, from: baseSequence, shift: 0, recent: new Map() };
      if (this.producers.size >= PRODUCERS_MOST) this.producers.delete(this.producers.keys().next().value!);
      this.producers.set(key, producer);
    }
    if (comesBefore(baseSequence, producer.from)) return left;
    const { recent } = producer;
    if (recent.has(baseSequence)) return recent.get(baseSequence)!;
    const renumbered = left === null ? null : numbered(left, plus(baseSequence, producer.shift));
    recent.set(baseSequence, renumbered);
    if (recent.size > IN_FLIGHT) recent.delete(recent.keys().next().value!);
    producer.shift -= lost;
    return renumbered;
  }
}

/** Sequences count from 0 again after the highest 32-bit number. */
function plus(sequence: number, n: number): number {
  return (sequence + n + 0x8000_0000) % 0x8000_0000;
}

function comesBefore(a: number, b: number): boolean {
  return plus(a, -b) >= 0x4000_0000;
}

/** A copy: what lies in a request's bytes stays as it came. */
function numbered(batch: Batch, baseSequence: number): Batch {
  if (batch.baseSequence === baseSequence) return batch;
  const copy = new Batch(Buffer.from(batch.bytes), 0);
  copy.number(baseSequence);
  return copy;
}
