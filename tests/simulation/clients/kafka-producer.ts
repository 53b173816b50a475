import type { Random } from "../../../src/hooks/random.ts";
import { type ErrorName, errorName } from "../../../src/kafka/wire/errors.ts";
import { writeBatch } from "../../../src/kafka/wire/records.ts";
import { produceBody } from "../../kafka/client.ts";
import { must, type Sent } from "../ledger.ts";
import type { Actor, Place } from "./actor.ts";
import { indexOf, KafkaMap, PARTITIONS, topicOf } from "./kafka-map.ts";
import { KafkaWire } from "./kafka-wire.ts";

const RETRIABLE: ReadonlySet<ErrorName> = new Set([
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
  "NOT_ENOUGH_REPLICAS",
  "CORRUPT_MESSAGE",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "NOT_COORDINATOR",
  "UNKNOWN_TOPIC_OR_PARTITION",
]);

interface Pending {
  partition: string;
  messages: Sent[];
  acks: -1 | 0 | 1;
  sequence: number;
  attempts: number;
}

/** An acknowledged batch: the offset of its first record, as the broker said. */
export interface Produced {
  partition: string;
  baseOffset: number;
  ids: string[];
}

/** A producer with one batch in flight at a time; an idempotent one repeats it until it knows what became of it. */
export class KafkaProducer implements Actor {
  readonly produced: Produced[] = [];
  private readonly wire: KafkaWire;
  private readonly map: KafkaMap;
  private pending: Pending | null = null;
  private producerId = -1;
  private readonly sequences = new Map<string, number>();
  private last: readonly string[] | null = null;

  constructor(
    private readonly place: Place,
    readonly name: string,
    private readonly idempotent: boolean,
  ) {
    this.wire = new KafkaWire(place, name);
    this.map = new KafkaMap(this.wire);
  }

  act(random: Random): void {
    if (random.chance(0.02)) return this.wire.close(random.chance(0.5));
    if (this.wire.isBusy) return;
    if (this.pending !== null) return this.attempt(random);
    if (random.chance(0.05)) return this.map.refresh(random);
    this.begin(random.pick(PARTITIONS), random.int(1, 3), this.idempotent ? -1 : random.pick([-1, -1, 1, 0]));
    this.attempt(random);
  }

  private begin(partition: string, size: number, acks: -1 | 0 | 1): void {
    const messages = Array.from({ length: size }, () => this.place.ledger.send("kafka", this.name, partition));
    this.pending = { partition, messages, acks, sequence: this.sequences.get(partition) ?? 0, attempts: 0 };
  }

  private attempt(random: Random | null): void {
    const { pending } = this;
    if (pending === null) return;
    const leader = this.map.leader(pending.partition);
    if (leader === undefined) return this.map.refresh(random);
    if (!this.wire.to(leader)) return this.map.forget();
    if (this.idempotent && this.producerId < 0) return this.identify();
    const timestamp = this.place.now();
    const { bytes } = writeBatch({
      records: pending.messages.map(({ id }) => ({ timestamp, key: Buffer.from(id.slice(0, id.indexOf("."))), value: Buffer.from(id) })),
      codec: random?.pick([null, "gzip", "lz4"] as const) ?? null,
      ...(this.idempotent ? { producerId: this.producerId, producerEpoch: 0, baseSequence: pending.sequence } : {}),
    });
    if (pending.attempts++ > 0) for (const message of pending.messages) message.attempts++;
    const body = produceBody(topicOf(pending.partition), indexOf(pending.partition), bytes, pending.acks);
    const { changes } = this.place;
    if (pending.acks !== 0) {
      return this.wire.ask("Produce", 9, body, (answer) => {
        const isRefused = answer?.responses[0].partitionResponses[0].errorCode !== 0;
        must(
          isRefused || this.place.led(pending.partition, leader, changes),
          () => `broker ${leader} took records for ${pending.partition}, which it did not lead`,
        );
        this.answered(pending, answer);
      });
    }
    this.wire.tell("Produce", 9, body);
    this.pending = null;
  }

  private identify(): void {
    this.wire.ask(
      "InitProducerId",
      4,
      { transactionalId: null, transactionTimeoutMs: 1000, producerId: -1, producerEpoch: -1 },
      (answer) => {
        if (answer === null || answer.errorCode !== 0) return;
        this.producerId = answer.producerId;
        this.sequences.clear();
        if (this.pending !== null) this.pending.sequence = 0;
      },
    );
  }

  private answered(pending: Pending, answer: any): void {
    if (answer === null) {
      // Nobody knows what became of it.
      if (!this.idempotent && pending.attempts >= 2) this.pending = null;
      return;
    }
    const { errorCode, baseOffset } = answer.responses[0].partitionResponses[0];
    const error = errorName(errorCode);
    this.place.ledger.note(this.name, `${pending.messages[0]!.id} ${error} ${baseOffset}`);
    if (error !== "NONE") {
      if (RETRIABLE.has(error)) return this.map.forget();
      // An idempotent producer cannot go on behind a hole in its sequences.
      this.pending = null;
      this.producerId = -1;
      return;
    }
    this.pending = null;
    this.sequences.set(pending.partition, pending.sequence + pending.messages.length);
    for (const message of pending.messages) message.isAcked = true;
    this.produced.push({ partition: pending.partition, baseOffset, ids: pending.messages.map(({ id }) => id) });
  }

  hear(): void {
    this.wire.hear();
  }

  /** What is under way comes to its end, then one last message goes to each partition. */
  finish(): void {
    if (this.wire.isBusy) return;
    if (this.pending !== null) return this.attempt(null);
    this.last ??= [...PARTITIONS];
    const [next, ...rest] = this.last;
    if (next === undefined) return;
    this.last = rest;
    this.begin(next, 1, -1);
    this.attempt(null);
  }
  get isDone(): boolean {
    return this.last?.length === 0 && this.pending === null;
  }
  get state(): string {
    return this.pending === null
      ? `${this.last?.length} partitions to go`
      : `waits for ${this.pending.messages[0]!.id}, attempt ${this.pending.attempts}`;
  }
  breakOff(): void {
    this.wire.close(true);
  }
}
