import { TopicTrie } from "../../core/topics.ts";
import type { Message } from "../wire/message.ts";

/** The last message of each topic that was published with RETAIN. */
export class Retained {
  private readonly byTopic = new Map<string, Message>();
  private readonly trie = new TopicTrie<Message>({ separator: "/", one: "+", many: "#", hidden: "$" });
  private held = 0;

  /** `most` bounds the bytes that are kept. */
  constructor(private readonly most: number) {}

  get size(): number {
    return this.byTopic.size;
  }
  get bytes(): number {
    return this.held;
  }

  /** Keeps the message; an empty payload clears the topic [MQTT-3.3.1-6]. False: there is no room for it. */
  keep(message: Message): boolean {
    const { topic } = message;
    const old = this.byTopic.get(topic);
    const empty = message.payload.length === 0;
    if (!empty && this.held - (old?.size ?? 0) + message.size > this.most) return false;
    if (old !== undefined) this.remove(old);
    if (empty) return true;
    this.byTopic.set(topic, message);
    this.trie.add(topic, message);
    this.held += message.size;
    return true;
  }

  get(topic: string, now: number): Message | undefined {
    const message = this.byTopic.get(topic);
    if (message === undefined || message.expiresAt > now) return message;
    this.remove(message);
    return undefined;
  }

  /** Those that a filter meets and that have not expired. */
  match(filter: string, now: number): Message[] {
    if (!filter.includes("+") && !filter.includes("#")) {
      const one = this.get(filter, now);
      return one === undefined ? [] : [one];
    }
    const found = this.trie.select(filter);
    return found.filter((message) => {
      if (message.expiresAt > now) return true;
      this.remove(message);
      return false;
    });
  }

  /** Forgets those that a filter meets and returns how many they were. */
  clear(filter = "#"): number {
    const found = this.trie.select(filter);
    for (const message of found) this.remove(message);
    return found.length;
  }

  /** Forgets those that came at `time` or later and returns how many they were. */
  forgetSince(time: number): number {
    const young = [...this.byTopic.values()].filter(({ at }) => at >= time);
    for (const message of young) this.remove(message);
    return young.length;
  }

  topics(): string[] {
    return [...this.byTopic.keys()];
  }

  private remove(message: Message): void {
    this.byTopic.delete(message.topic);
    this.trie.remove(message.topic, message);
    this.held -= message.size;
  }
}
