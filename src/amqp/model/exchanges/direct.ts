import type { Binding, Destination, Router } from "../exchange.ts";

/** To the queues bound with the message's own routing key. */
export default class Direct implements Router {
  static readonly type = "direct";
  readonly byHeaders = false;
  private readonly byKey = new Map<string, Binding[]>();

  add(binding: Binding): void {
    const same = this.byKey.get(binding.routingKey);
    if (same === undefined) this.byKey.set(binding.routingKey, [binding]);
    else same.push(binding);
  }

  remove(binding: Binding): void {
    const left = this.byKey.get(binding.routingKey)?.filter((other) => other !== binding) ?? [];
    if (left.length === 0) this.byKey.delete(binding.routingKey);
    else this.byKey.set(binding.routingKey, left);
  }

  route(routingKey: string, _headers: unknown, to: Set<Destination>): void {
    for (const binding of this.byKey.get(routingKey) ?? []) to.add(binding.destination);
  }
}
