/** How topics and the patterns over them are spelled. */
export interface TopicSyntax {
  /** Between the words: `/` in MQTT, `.` in AMQP. */
  separator: string;
  /** Pattern word that stands for exactly one word: `+`, `*`. */
  one: string;
  /** Pattern word that stands for zero or more words, at any place: `#`. */
  many: string;
  /** Topics that begin with this are not met by patterns that begin with a wildcard (MQTT's `$`). */
  hidden?: string;
}

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  readonly values: Set<T>;
  /** True for the node of the `many` word, which stays matched whatever words follow. */
  readonly loops: boolean;
  /** The step of a walk that entered this node last. */
  stamp: number;
}

/** What `match` remembers: topics, characters of the longest of them, and references in all their lists. */
const CACHED_TOPICS = 4096;
const CACHED_LENGTH = 256;
const CACHED_VALUES = 1 << 20;

/**
 * Values filed under patterns (`match` finds those whose pattern meets a topic), or under topics
 * (`select` finds those that a pattern meets). Any pattern is found in time linear in its words.
 * The empty topic has no words, so `#` meets it and `*` does not.
 */
export class TopicTrie<T> {
  private readonly root: Node<T> = node(false);
  private readonly cache = new Map<string, readonly T[]>();
  private cachedValues = 0;
  private count = 0;
  private changes = 0;
  private stamps = 0;

  constructor(private readonly syntax: TopicSyntax) {}

  /** Changes whenever a match may have another result: what callers that keep results compare. */
  get version(): number {
    return this.changes;
  }

  /** How many values are filed. */
  get size(): number {
    return this.count;
  }

  /** Files `value`; false when it is already filed under this pattern. */
  add(pattern: string, value: T): boolean {
    let at = this.root;
    for (const word of this.words(pattern)) {
      let next = at.children.get(word);
      if (next === undefined) at.children.set(word, (next = node(word === this.syntax.many)));
      at = next;
    }
    if (at.values.has(value)) return false;
    at.values.add(value);
    this.count++;
    this.changed();
    return true;
  }

  /** Takes `value` out again; false when it is not filed under this pattern. */
  remove(pattern: string, value: T): boolean {
    const words = this.words(pattern);
    const path = [this.root];
    for (const word of words) {
      const next = path.at(-1)!.children.get(word);
      if (next === undefined) return false;
      path.push(next);
    }
    if (!path.at(-1)!.values.delete(value)) return false;
    for (let i = words.length; i > 0; i--) {
      const { values, children } = path[i]!;
      if (values.size > 0 || children.size > 0) break;
      path[i - 1]!.children.delete(words[i - 1]!);
    }
    this.count--;
    this.changed();
    return true;
  }

  /**
   * Values whose pattern meets `topic`; one filed under several such patterns comes several times.
   * The list is shared between callers and never changes.
   */
  match(topic: string): readonly T[] {
    const known = this.cache.get(topic);
    if (known !== undefined) return known;
    const found = this.walk(topic);
    if (this.cache.size >= CACHED_TOPICS || this.cachedValues + found.length > CACHED_VALUES) this.forget();
    if (found.length <= CACHED_VALUES && topic.length <= CACHED_LENGTH) {
      this.cache.set(topic, found);
      this.cachedValues += found.length;
    }
    return found;
  }

  /** Values filed under a topic that `pattern` meets, for tries that hold topics rather than patterns. */
  select(pattern: string): T[] {
    const { one, many, hidden } = this.syntax;
    let states = new Set([this.root]);
    for (const word of this.words(pattern)) {
      const next = new Set<Node<T>>();
      for (const state of states) {
        if (word !== one && word !== many) {
          const child = state.children.get(word);
          if (child !== undefined) next.add(child);
          continue;
        }
        if (word === many) next.add(state);
        for (const [name, child] of state.children) {
          if (state === this.root && hidden !== undefined && name.startsWith(hidden)) continue;
          next.add(child);
        }
      }
      // A set hands out what is added while it is walked: this reaches every descendant once.
      if (word === many) for (const state of next) if (state !== this.root) for (const child of state.children.values()) next.add(child);
      states = next;
    }
    const found: T[] = [];
    for (const state of states) found.push(...state.values);
    return found;
  }

  /** All states that the words so far can have reached, a step a word: no pattern makes it backtrack. */
  private walk(topic: string): T[] {
    const { one, many, hidden } = this.syntax;
    const open = hidden === undefined || !topic.startsWith(hidden);
    let states: Node<T>[] = [];
    let stamp = ++this.stamps;
    const enter = (state: Node<T> | undefined, zero = true) => {
      if (state === undefined || state.stamp === stamp) return;
      state.stamp = stamp;
      states.push(state);
      if (zero) enter(state.children.get(many));
    };
    enter(this.root, open);
    for (const word of this.words(topic)) {
      const before = states;
      states = [];
      stamp = ++this.stamps;
      for (const state of before) {
        enter(state.children.get(word));
        if (open || state !== this.root) enter(state.children.get(one));
        if (state.loops) enter(state);
      }
      if (states.length === 0) break;
    }
    const found: T[] = [];
    for (const state of states) for (const value of state.values) found.push(value);
    return found;
  }

  private words(topic: string): string[] {
    return topic === "" ? [] : topic.split(this.syntax.separator);
  }

  private changed(): void {
    this.changes++;
    this.forget();
  }

  private forget(): void {
    this.cache.clear();
    this.cachedValues = 0;
  }
}

function node<T>(loops: boolean): Node<T> {
  return { children: new Map(), values: new Set(), loops, stamp: 0 };
}
