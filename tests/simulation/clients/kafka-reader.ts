import type { Random } from "../../../src/hooks/random.ts";
import { batches } from "../../../src/kafka/wire/batch.ts";
import { errorName } from "../../../src/kafka/wire/errors.ts";
import { records } from "../../../src/kafka/wire/records.ts";
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

/** Where a reader goes on whose position is no longer there: `auto.offset.reset`. */
export type Policy = "earliest" | "latest";
const TIMESTAMPS: Record<Policy, number> = { latest: -1, earliest: -2 };

/** A reader went on elsewhere, since the log had been cut behind `from`. */
export interface Reset {
  readonly partition: string;
  readonly from: number;
  readonly to: number;
}

/** Reads partitions from where it is told to, one fetch at a time. */
export class Fetcher {
  readonly wire: KafkaWire;
  /** The next offset to fetch, by partition. */
  positions = new Map<string, number>();
  /** Partitions that had nothing more at the last look. */
  readonly exhausted = new Set<string>();
  readonly resets: Reset[] = [];
  /** Partitions whose position is out of range. */
  private readonly adrift = new Set<string>();
  private readonly map: KafkaMap;
  /** Counts assignments: what was asked under an earlier one does not matter any more. */
  private epoch = 0;

  constructor(
    private readonly place: Place,
    private readonly name: string,
    private readonly policy: Policy,
    private readonly got: (record: Fetched) => void,
  ) {
    this.wire = new KafkaWire(place, name);
    this.map = new KafkaMap(this.wire);
  }

  assign(positions: Map<string, number>): void {
    this.positions = positions;
    this.exhausted.clear();
    this.adrift.clear();
    this.epoch++;
  }

  fetch(partition: string, random: Random | null): void {
    if (this.wire.isBusy) return;
    const leader = this.map.leader(partition);
    if (leader === undefined) return this.map.refresh(random);
    if (!this.wire.to(leader)) return this.map.forget();
    if (this.adrift.has(partition)) return this.reset(partition);
    const { epoch } = this;
    const { changes } = this.place;
    const offset = this.positions.get(partition)!;
    const options = { maxWaitMs: random?.int(0, 500) ?? 0, minBytes: 1, partitionMaxBytes: random?.pick([1, 200, 1_000_000]) ?? 1_000_000 };
    this.wire.ask("Fetch", 12, fetchBody(topicOf(partition), indexOf(partition), offset, options), (answer) => {
      if (answer === null) return;
      const isRefused = (answer.errorCode || answer.responses[0].partitions[0].errorCode) !== 0;
      must(
        isRefused || this.place.led(partition, leader, changes),
        () => `broker ${leader} answered for ${partition}, which it did not lead`,
      );
      if (epoch === this.epoch) this.fetched(partition, offset, answer);
    });
  }

  /** Asks where to go on. */
  private reset(partition: string): void {
    const { epoch, policy } = this;
    const before = this.place.range(partition);
    const topics = [{ name: topicOf(partition), partitions: [{ partitionIndex: indexOf(partition), timestamp: TIMESTAMPS[policy] }] }];
    this.wire.ask("ListOffsets", 7, { replicaId: -1, isolationLevel: 0, topics }, (answer) => {
      const found = answer?.topics[0]?.partitions[0];
      if (found === undefined || epoch !== this.epoch) return;
      if (found.errorCode !== 0) return this.map.forget();
      const now = this.place.range(partition),
        edge = policy === "earliest" ? "start" : "end";
      const from = this.positions.get(partition)!,
        to = found.offset;
      must(
        to >= before[edge] && to <= now[edge],
        () => `${this.name} heard that the ${edge} of ${partition} is ${to}, and it was ${before[edge]} to ${now[edge]}`,
      );
      must(to > from, () => `${this.name} could not go on at ${from} of ${partition}, and is told to at ${to}`);
      this.place.ledger.note(this.name, `${partition}@${from} is gone, goes on at ${to}`);
      this.resets.push({ partition, from, to });
      this.positions.set(partition, to);
      this.adrift.delete(partition);
    });
  }

  private fetched(partition: string, offset: number, answer: any): void {
    const found = answer.responses[0]?.partitions[0];
    const error = errorName(answer.errorCode || found.errorCode);
    if (error === "OFFSET_OUT_OF_RANGE") {
      const { start } = this.place.range(partition);
      must(offset < start, () => `${this.name} heard that ${offset} of ${partition} is out of range, and the log begins at ${start}`);
      this.exhausted.delete(partition);
      return void this.adrift.add(partition);
    }
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
    must(
      next <= found.highWatermark,
      () => `${this.name} read ${partition} up to ${next}, beyond the high watermark ${found.highWatermark}`,
    );
    this.positions.set(partition, next);
    if (next === found.highWatermark) this.exhausted.add(partition);
    else this.exhausted.delete(partition);
  }
}

/** A consumer without a group, which reads everything from the beginning, but for what it finds gone. */
export class KafkaReader implements Actor {
  readonly fetched: Fetched[] = [];
  private readonly fetcher: Fetcher;
  private finishing = false;

  constructor(
    place: Place,
    readonly name: string,
    policy: Policy,
  ) {
    this.fetcher = new Fetcher(place, name, policy, (record) => {
      place.ledger.receive(record.payload, place.now());
      place.ledger.note(name, `${record.partition}@${record.offset} ${record.payload}`);
      this.fetched.push(record);
    });
    this.fetcher.assign(new Map(PARTITIONS.map((partition) => [partition, 0])));
  }

  get resets(): readonly Reset[] {
    return this.fetcher.resets;
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
