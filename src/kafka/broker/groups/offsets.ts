/** One committed position. */
export interface Committed {
  readonly offset: number;
  /** -1 where the client gave none. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** When, in milliseconds of the clock. */
  readonly time: number;
}

/** The positions that a group committed, by topic and partition. */
export class Offsets {
  private readonly byTopic = new Map<string, Map<number, Committed>>();

  get size(): number {
    let n = 0;
    for (const partitions of this.byTopic.values()) n += partitions.size;
    return n;
  }

  get(topic: string, partition: number): Committed | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  /** Topics with a position, each with its partitions. */
  [Symbol.iterator](): IterableIterator<[string, ReadonlyMap<number, Committed>]> {
    return this.byTopic.entries();
  }

  set(topic: string, partition: number, committed: Committed): void {
    let partitions = this.byTopic.get(topic);
    if (partitions === undefined) this.byTopic.set(topic, (partitions = new Map()));
    partitions.set(partition, committed);
  }

  delete(topic: string, partition: number): void {
    const partitions = this.byTopic.get(topic);
    partitions?.delete(partition);
    if (partitions?.size === 0) this.byTopic.delete(topic);
  }

  deleteTopic(topic: string): void {
    this.byTopic.delete(topic);
  }

  /** Lets go of what was committed before `time`. */
  expire(time: number): void {
    for (const [topic, partitions] of this.byTopic) {
      for (const [partition, committed] of partitions) if (committed.time < time) this.delete(topic, partition);
    }
  }
}
