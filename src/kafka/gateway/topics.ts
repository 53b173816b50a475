import type { Place } from "../pipeline/endpoint.ts";
import { ZERO_UUID } from "../wire/schema.ts";

/** A topic of the cluster behind, as far as its answers told of it. */
export class KnownTopic {
  private readonly places: Place[] = [];

  constructor(readonly name: string) {}

  place(index: number): Place {
    return (this.places[index] ??= { topic: this, index, name: `${this.name}-${index}` });
  }
}

/** Topic ids that are remembered: those of the busiest clusters, and an end to what a cluster that goes mad can make us keep. */
const IDS_MOST = 1_000_000;

/** The topics that answers of the cluster named, by name and by id (KIP-516). */
export class KnownTopics {
  readonly byName = new Map<string, KnownTopic>();
  readonly byId = new Map<string, KnownTopic>();

  /** @param answer of any API: lists of topics with their names and ids are all spelled alike */
  learn(answer: any): void {
    for (const topic of answer.topics ?? []) {
      const { name, topicId } = topic;
      if (!name || topicId === undefined || topicId === ZERO_UUID) continue;
      if (this.byId.size >= IDS_MOST) this.byId.delete(this.byId.keys().next().value!);
      this.byId.set(topicId, this.named(name));
    }
  }

  named(name: string): KnownTopic {
    let topic = this.byName.get(name);
    if (topic === undefined) {
      if (this.byName.size >= IDS_MOST) this.byName.delete(this.byName.keys().next().value!);
      this.byName.set(name, (topic = new KnownTopic(name)));
    }
    return topic;
  }
}
