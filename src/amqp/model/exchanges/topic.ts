import { TopicTrie } from "../../../core/topics.ts";
import type { Binding, Destination, Router } from "../exchange.ts";

/** To the queues bound with a pattern: words between dots, `*` for one word, `#` for any number of them. */
export default class Topic implements Router {
  static readonly type = "topic";
  readonly byHeaders = false;
  private readonly patterns = new TopicTrie<Binding>({ separator: ".", one: "*", many: "#" });

  add(binding: Binding): void {
    this.patterns.add(binding.routingKey, binding);
  }

  remove(binding: Binding): void {
    this.patterns.remove(binding.routingKey, binding);
  }

  route(routingKey: string, _headers: unknown, to: Set<Destination>): void {
    for (const binding of this.patterns.match(routingKey)) to.add(binding.destination);
  }
}
