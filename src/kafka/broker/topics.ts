import { Log } from "../../core/log.ts";
import { Waiters } from "../../core/waiters.ts";
import type { Batch } from "../wire/batch.ts";
import type { TopicConfig } from "./configs.ts";
import { Producers } from "./producers.ts";

export const NO_LEADER = -1;

/** What had not reached the disk when a broker crashed. */
export interface Tail {
  /** The last that many of each partition. */
  records?: number;
  /** All of the last milliseconds. */
  ms?: number;
}

/** One partition: its log, and which of the virtual brokers answer for it. */
export class Partition {
  readonly log = new Log();
  /** Woken by every append, and when the leader changes or the topic goes. */
  readonly changed = new Waiters();
  readonly producers = new Producers();
  /** Node id, or NO_LEADER. */
  leader: number;
  leaderEpoch = 0;
  isr: number[];
  /** What metadata shows instead, while it is kept from following; null: the truth. */
  private stale: { leader: number; leaderEpoch: number } | null = null;
  /** The topic was deleted. */
  gone = false;

  constructor(
    readonly topic: Topic,
    readonly index: number,
    public replicas: readonly number[],
  ) {
    this.leader = replicas[0]!;
    this.isr = [...replicas];
  }

  /** As in logs and streams: `orders-3`. */
  get name(): string {
    return `${this.topic.name}-${this.index}`;
  }

  /**
   * Readers see everything up to here. All replicas share one log, so this is its end; a follower
   * can't lag.
   */
  get highWatermark(): number {
    return this.log.end;
  }

  /**
   * Appends a checked batch; it takes the next offsets. True: its bytes now belong to the log. @param lent a hook
   * may have kept views of them
   */
  append(batch: Batch, now: number, lent: boolean): boolean {
    batch.place(this.log.end, this.leaderEpoch);
    const { logAppendTime, retentionBytes } = this.topic.config;
    if (logAppendTime) batch.stamp(now);
    else if (batch.logAppendTime) batch.stamp(null); // that is not for producers to say
    const { bytes } = batch;
    const taken = this.log.append(bytes, batch.lastOffsetDelta + 1, batch.count, batch.maxTimestamp, this.leaderEpoch, now, lent);
    if (this.log.bytes > retentionBytes) this.log.keepBytes(retentionBytes);
    this.topic.messagesIn += batch.count;
    this.topic.bytesIn += bytes.length;
    this.changed.wake();
    return taken;
  }

  /** Where an epoch ends: the current one at the end of the log, one from the future nowhere. */
  endOfEpoch(epoch: number): { epoch: number; end: number } | undefined {
    if (epoch > this.leaderEpoch) return undefined;
    return epoch === this.leaderEpoch ? { epoch, end: this.log.end } : this.log.epochEnd(epoch);
  }

  /** The leader as metadata tells it. */
  get shown(): { leader: number; leaderEpoch: number } {
    return this.stale ?? this;
  }

  /** Metadata keeps telling the leader of now, whoever leads, until `refresh`. */
  freeze(): void {
    this.stale ??= { leader: this.leader, leaderEpoch: this.leaderEpoch };
  }
  refresh(): void {
    this.stale = null;
    this.changed.wake();
  }

  /**
   * The newest batches are gone, as after a crash of the machine: those of the last `records` records
   * and those that came in the last `ms` milliseconds. Returns how many records that were.
   */
  loseTail({ records = 0, ms = 0 }: Tail, now: number): number {
    let lost = 0;
    this.log.truncate((entry) => {
      if (lost >= records && (ms === 0 || entry.appended < now - ms)) return false;
      lost += entry.count;
      return true;
    });
    if (lost === 0) return 0;
    this.producers.truncate(this.log.end);
    this.changed.wake();
    return lost;
  }

  lead(node: number): void {
    this.leader = node;
    this.leaderEpoch++;
    this.changed.wake();
  }
}

export class Topic {
  readonly partitions: Partition[] = [];
  messagesIn = 0;
  bytesIn = 0;
  /** Messages fetched, by the group of the client that fetched them; "" for clients in none. */
  readonly messagesOut = new Map<string, number>();
  /** Records without a key that were published from within. */
  published = 0;

  constructor(
    readonly name: string,
    /** 22 characters of base64url */ readonly id: string,
    readonly config: TopicConfig,
  ) {}

  get replicationFactor(): number {
    return this.partitions[0]!.replicas.length;
  }
}

/** Partitions that one request may make, in all of its topics together, as in KRaft (KAFKA-17870). */
export const PARTITIONS_MOST = 10_000;

/** Why a topic cannot have this name; null when it can. */
export function nameProblem(name: string): string | null {
  if (name === "") return "a topic name has at least one character";
  if (name === "." || name === "..") return `a topic cannot be named ${name}`;
  if (name.length > 249) return `a topic name has at most 249 characters, not ${name.length}`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `a topic name consists of letters, digits, ".", "_" and "-"`;
  return null;
}

/** Metrics cannot tell "." from "_", so Kafka lets no two topics differ in that alone. */
export function collisionKey(name: string): string {
  return name.replaceAll(".", "_");
}
