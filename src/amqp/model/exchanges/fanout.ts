import type { Binding, Destination, Router } from "../exchange.ts";

/** To everything that is bound. */
export default class Fanout implements Router {
  static readonly type = "fanout";
  readonly byHeaders = false;
  private readonly bindings = new Set<Binding>();

  add(binding: Binding): void {
    this.bindings.add(binding);
  }

  remove(binding: Binding): void {
    this.bindings.delete(binding);
  }

  route(_routingKey: string, _headers: unknown, to: Set<Destination>): void {
    for (const binding of this.bindings) to.add(binding.destination);
  }
}
