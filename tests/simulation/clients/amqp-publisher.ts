import type { Random } from "../../../src/hooks/random.ts";
import type { Received } from "../../amqp/raw-client.ts";
import { must, type Sent } from "../ledger.ts";
import type { Actor, Place } from "./actor.ts";
import { ADDRESSES, AmqpWire, queuesFor } from "./amqp-wire.ts";

/** A publisher with confirms, of which many may be outstanding. */
export class AmqpPublisher implements Actor {
  private readonly wire: AmqpWire;
  private ready = false;
  private lastTag = 0;
  private readonly outstanding = new Map<number, Sent>();
  /** Messages that must come back, since no queue takes them. */
  private readonly homeless = new Set<string>();
  private last: (readonly [string, string])[] | null = null;

  constructor(
    private readonly place: Place,
    readonly name: string,
  ) {
    this.wire = new AmqpWire(
      place,
      name,
      () => this.begin(),
      () => this.ended(),
      (method) => this.take(method),
    );
  }

  private begin(): void {
    this.wire.call(this.wire.channel, "confirm.select", { noWait: false }, ["confirm.select-ok"], () => (this.ready = true));
  }

  private ended(): void {
    this.ready = false;
    this.lastTag = 0;
    this.outstanding.clear();
    this.homeless.clear();
  }

  act(random: Random): void {
    if (!this.wire.isOpen) return this.wire.connect();
    if (random.chance(0.02)) return this.wire.close(random.chance(0.5));
    if (random.chance(0.01)) return this.wire.leave();
    if (!this.ready) return;
    for (let n = random.int(1, 3); n > 0; n--) {
      const [exchange, key] = random.pick(ADDRESSES);
      this.publish(exchange, key, random.chance(0.3));
    }
  }

  private publish(exchange: string, key: string, mandatory: boolean): void {
    const message = this.place.ledger.send("amqp", this.name, `${exchange}→${key}`);
    this.outstanding.set(++this.lastTag, message);
    if (mandatory && queuesFor(exchange, key).length === 0) this.homeless.add(message.id);
    this.wire.publish(exchange, key, mandatory, message.id);
  }

  private take({ name, args, body }: Received): void {
    if (name === "basic.return") {
      must(
        this.homeless.has(String(body).replace(/!+$/, "")),
        () => `${this.name} got ${body} back although it has a queue, or was not mandatory`,
      );
      return;
    }
    if (name !== "basic.ack" && name !== "basic.nack") return;
    const { deliveryTag, multiple } = args as { deliveryTag: number; multiple: boolean };
    must(deliveryTag <= this.lastTag && deliveryTag > 0, () => `${this.name} got a confirm for ${deliveryTag} of ${this.lastTag}`);
    for (const [tag, message] of [...this.outstanding]) {
      if (tag !== deliveryTag && !(multiple && tag < deliveryTag)) continue;
      this.outstanding.delete(tag);
      message.isAcked = name === "basic.ack";
      this.place.ledger.note(this.name, `${message.id} ${name}`);
    }
  }

  hear(): void {
    this.wire.hear();
  }

  finish(): void {
    if (!this.wire.isOpen) return this.wire.connect();
    if (!this.ready) return;
    this.last ??= [...ADDRESSES];
    const next = this.last.shift();
    if (next !== undefined) this.publish(next[0], next[1], false);
  }
  get isDone(): boolean {
    return this.last?.length === 0 && this.outstanding.size === 0;
  }
  get state(): string {
    return `${this.ready ? "ready" : "not ready"}, waits for confirms of ${[...this.outstanding.values()].map(({ id }) => id)}`;
  }
  breakOff(): void {
    this.wire.close(true);
  }
}
