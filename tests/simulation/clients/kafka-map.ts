import type { Random } from "../../../src/hooks/random.ts";
import type { KafkaWire } from "./kafka-wire.ts";

export const NODES = 3;
/** Topics of the simulation with their partitions. */
export const TOPICS: Record<string, number> = { ka: 2, kb: 2 };
export const PARTITIONS: readonly string[] = Object.entries(TOPICS).flatMap(([topic, count]) =>
  Array.from({ length: count }, (_, i) => `${topic}-${i}`),
);

export function topicOf(partition: string): string {
  return partition.slice(0, partition.lastIndexOf("-"));
}
export function indexOf(partition: string): number {
  return Number(partition.slice(partition.lastIndexOf("-") + 1));
}

/** Which broker leads which partition, as a client knows it: perhaps no longer true. */
export class KafkaMap {
  private readonly leaders = new Map<string, number>();

  constructor(private readonly wire: KafkaWire) {}

  leader(partition: string): number | undefined {
    return this.leaders.get(partition);
  }
  forget(): void {
    this.leaders.clear();
  }

  /** Asks a broker; the first that is up, from a drawn one on. */
  refresh(random: Random | null): void {
    const first = random === null ? 1 : random.int(1, NODES);
    for (let i = 0; i < NODES; i++) if (this.wire.to(((first - 1 + i) % NODES) + 1)) break;
    if (!this.wire.isOpen) return;
    const topics = Object.keys(TOPICS).map((name) => ({ name }));
    this.wire.ask("Metadata", 12, { topics, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }, (answer) => {
      for (const topic of answer?.topics ?? []) {
        for (const { partitionIndex, leaderId } of topic.partitions) {
          if (leaderId > 0) this.leaders.set(`${topic.name}-${partitionIndex}`, leaderId);
          else this.leaders.delete(`${topic.name}-${partitionIndex}`);
        }
      }
    });
  }
}
