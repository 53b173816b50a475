import type { Random } from "../../../src/hooks/random.ts";
import { batches } from "../../../src/kafka/batch.ts";
import { errorName } from "../../../src/kafka/errors.ts";
import { records } from "../../../src/kafka/records.ts";
import { fetchBody } from "../../kafka/client.ts";
import { must } from "../ledger.ts";
import type { Actor, Place } from "./actor.ts";
import { indexOf, KafkaMap, PARTITIONS, topicOf } from "./kafka-map.ts";
import { KafkaWire } from "./kafka-wire.ts";

/** One record as it came to a client. */
export interface Fetched {
  readonly partition: string;
  readonly offset: number;
  readonly payload: string;
}

/** Reads partitions from where it is told to, one fetch at a time. */
export class Fetcher {
  readonly wire: KafkaWire;
  /** The next offset to fetch, by partition. */
  positions = new Map<string, number>();
  /** Partitions that had nothing more at the last look. */
  readonly exhausted = new Set<string>();
  private readonly map: KafkaMap;
  /** Counts assignments: what was asked under an earlier one does not matter any more. */
  private epoch = 0;

  constructor(private readonly place: Place, private readonly name: string, private readonly got: (record: Fetched) => void) {
    this.wire = new KafkaWire(place, name);
    this.map = new KafkaMap(this.wire);
  }

  assign(positions: Map<string, number>): void {
    this.positions = positions;
    this.exhausted.clear();
    this.epoch++;
  }

  fetch(partition: string, random: Random | null): void {
    if (this.wire.isBusy) return;
    const leader = this.map.leader(partition);
    if (leader === undefined) return this.map.refresh(random);
    if (!this.wire.to(leader)) return this.map.forget();
    const { epoch } = this;
    const { changes } = this.place;
    const offset = this.positions.get(partition)!;
    const options = { maxWaitMs: random?.int(0, 500) ?? 0, minBytes: 1, partitionMaxBytes: random?.pick([1, 200, 1_000_000]) ?? 1_000_000 };
    this.wire.ask("Fetch", 12, fetchBody(topicOf(partition), indexOf(partition), offset, options), (answer) => {
      if (answer === null) return;
      const isRefused = (answer.errorCode || answer.responses[0].partitions[0].errorCode) !== 0;
      must(isRefused || this.place.led(partition, leader, changes), () => `broker ${leader} answered for ${partition}, which it did not lead`);
      if (epoch === this.epoch) this.fetched(partition, offset, answer);
    });
  }

  private fetched(partition: string, offset: number, answer: any): void {
    const found = answer.responses[0]?.partitions[0];
    const error = errorName(answer.errorCode || found.errorCode);
    if (error !== "NONE") return this.map.forget();
    let next = offset;
    for (const batch of batches(found.records)) {
      for (const record of records(batch)) {
        if (record.offset < offset) continue;
        must(record.offset >= next, () => `${this.name} got offset ${record.offset} of ${partition} where ${next} or more was due`);
        next = record.offset + 1;
        this.got({ partition, offset: record.offset, payload: String(record.value) });
      }
      next = Math.max(next, batch.baseOffset + batch.lastOffsetDelta + 1);
    }
    must(next <= found.highWatermark, () => `${this.name} read ${partition} up to ${next}, beyond the high watermark ${found.highWatermark}`);
    this.positions.set(partition, next);
    if (next === found.highWatermark) this.exhausted.add(partition);
    else this.exhausted.delete(partition);
  }
}

/** A consumer without a group, which reads everything from the beginning. */
export class KafkaReader implements Actor {
  readonly fetched: Fetched[] = [];
  private readonly fetcher: Fetcher;
  private finishing = false;

  constructor(place: Place, readonly name: string) {
    this.fetcher = new Fetcher(place, name, (record) => {
      place.ledger.receive(record.payload, place.now());
      place.ledger.note(name, `${record.partition}@${record.offset} ${record.payload}`);
      this.fetched.push(record);
    });
    this.fetcher.assign(new Map(PARTITIONS.map((partition) => [partition, 0])));
  }

  act(random: Random): void {
    if (random.chance(0.02)) this.fetcher.wire.close(random.chance(0.5));
    else this.fetcher.fetch(random.pick(PARTITIONS), random);
  }
  hear(): void {
    this.fetcher.wire.hear();
  }

  finish(): void {
    if (!this.finishing) this.fetcher.exhausted.clear();
    this.finishing = true;
    const next = PARTITIONS.find((partition) => !this.fetcher.exhausted.has(partition));
    if (next !== undefined) this.fetcher.fetch(next, null);
  }
  /** Called once nobody produces any more. */
  again(): void {
    this.finishing = false;
  }
  get isDone(): boolean {
    return this.finishing && this.fetcher.exhausted.size === PARTITIONS.length;
  }
  get state(): string {
    return `has read ${[...this.fetcher.positions].join(" ")}`;
  }
  breakOff(): void {
    this.fetcher.wire.close(true);
  }
}
