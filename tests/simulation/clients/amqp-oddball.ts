import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import type { ArgsOut, MethodName } from "../../../src/amqp/v091/methods.ts";
import type { Random } from "../../../src/hooks/random.ts";
import type { Received } from "../../amqp/raw-client.ts";
import type { Actor, Place } from "./actor.ts";
import { AmqpWire } from "./amqp-wire.ts";

/** Queues that nobody else uses; most end by themselves or throw messages away, into `odd.grave` where they have one. */
const ODD: Record<string, { exclusive?: boolean; autoDelete?: boolean; table: Record<string, string | number | boolean> }> = {
  "odd.own": { exclusive: true, table: {} },
  "odd.brief": { autoDelete: true, table: { "x-expires": 5000 } },
  "odd.short": { table: { "x-max-length": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "odd.grave" } },
  "odd.full": {
    table: {
      "x-max-length": 2,
      "x-overflow": "reject-publish-dlx",
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": "odd.grave",
    },
  },
  "odd.ttl": { table: { "x-message-ttl": 700, "x-dead-letter-exchange": "odd.exchange", "x-single-active-consumer": true } },
  "odd.ranked": { table: { "x-max-priority": 4 } },
  "odd.grave": { table: { "x-message-ttl": 60_000 } },
};
const NAMES = Object.keys(ODD);

/**
 * Uses everything of AMQP that the others leave alone: transactions, queues that go away, limits,
 * bindings that change. Nobody counts its messages; the broker's own sums have to hold.
 */
export class AmqpOddball implements Actor {
  private readonly wire: AmqpWire;
  private inTransaction = false;
  private tags: number[] = [];
  private finishing = false;

  constructor(
    private readonly place: Place,
    readonly name: string,
  ) {
    this.wire = new AmqpWire(
      place,
      name,
      () => undefined,
      () => this.ended(),
      (method) => this.take(method),
    );
  }

  private ended(): void {
    this.inTransaction = false;
    this.tags = [];
  }

  act(random: Random): void {
    const { wire } = this;
    if (!wire.isOpen) return wire.connect();
    if (random.chance(0.03)) return wire.close(random.chance(0.5));
    if (wire.channel === 0) return;
    const queue = random.pick(NAMES);
    const [deliveryTag] = this.tags;
    random.pick<() => void>([
      () => this.declare(queue),
      () => this.declare(queue),
      () =>
        this.call(
          "exchange.declare",
          {
            exchange: "odd.exchange",
            type: "topic",
            passive: false,
            durable: false,
            autoDelete: true,
            internal: false,
            noWait: false,
            arguments: FieldTable.EMPTY,
          },
          "exchange.declare-ok",
        ),
      () =>
        this.call(
          "queue.bind",
          { queue, exchange: "odd.exchange", routingKey: random.pick(["#", "odd.*", queue]), noWait: false, arguments: FieldTable.EMPTY },
          "queue.bind-ok",
        ),
      () =>
        this.call("queue.unbind", { queue, exchange: "odd.exchange", routingKey: queue, arguments: FieldTable.EMPTY }, "queue.unbind-ok"),
      () =>
        this.call(
          "exchange.bind",
          { destination: "odd.exchange", source: "amq.topic", routingKey: "odd.#", noWait: false, arguments: FieldTable.EMPTY },
          "exchange.bind-ok",
        ),
      () =>
        this.call("queue.delete", { queue, ifUnused: random.chance(0.5), ifEmpty: random.chance(0.5), noWait: false }, "queue.delete-ok"),
      () => this.call("queue.purge", { queue, noWait: false }, "queue.purge-ok"),
      () => this.publish(random.pick(["", "odd.exchange", "amq.topic"]), queue),
      () => this.publish("", queue),
      () => this.publish("", queue),
      () =>
        this.call(
          "basic.consume",
          {
            queue,
            consumerTag: "",
            noLocal: false,
            noAck: random.chance(0.3),
            exclusive: random.chance(0.2),
            noWait: false,
            arguments: FieldTable.of({ "x-priority": random.int(0, 3) }),
          },
          "basic.consume-ok",
        ),
      () => this.call("basic.get", { queue, noAck: random.chance(0.3) }, "basic.get-ok", "basic.get-empty"),
      () => this.call("basic.qos", { prefetchSize: 0, prefetchCount: random.int(0, 2), global: random.chance(0.5) }, "basic.qos-ok"),
      () => deliveryTag !== undefined && this.settle(random, deliveryTag),
      () => deliveryTag !== undefined && this.settle(random, deliveryTag),
      () => this.transact(random),
    ])();
  }

  private call<N extends MethodName>(name: N, args: ArgsOut<N>, ...replies: MethodName[]): void {
    this.wire.call(this.wire.channel, name, args, replies, (method) => this.take(method));
  }

  private declare(queue: string): void {
    const { exclusive = false, autoDelete = false, table } = ODD[queue]!;
    this.call(
      "queue.declare",
      { queue, passive: false, durable: false, exclusive, autoDelete, noWait: false, arguments: FieldTable.of(table) },
      "queue.declare-ok",
    );
  }

  private publish(exchange: string, routingKey: string): void {
    const { id } = this.place.ledger.send("amqp", this.name, `${exchange}→${routingKey}`);
    this.wire.publish(exchange, routingKey, false, id);
  }

  private settle(random: Random, deliveryTag: number): void {
    this.tags.shift();
    if (random.chance(0.5)) this.wire.send("basic.ack", { deliveryTag, multiple: false });
    else this.wire.send("basic.nack", { deliveryTag, multiple: random.chance(0.2), requeue: random.chance(0.5) });
  }

  private transact(random: Random): void {
    if (!this.inTransaction) this.call("tx.select", {}, "tx.select-ok");
    else if (random.chance(0.6)) this.call("tx.commit", {}, "tx.commit-ok");
    else this.call("tx.rollback", {}, "tx.rollback-ok");
  }

  private take({ name, args, body }: Received): void {
    if (name === "tx.select-ok") this.inTransaction = true;
    if (name !== "basic.deliver" && name !== "basic.get-ok") return;
    this.place.ledger.receive(String(body), this.place.now());
    this.place.ledger.note(this.name, String(body));
    this.tags.push((args as { deliveryTag: number }).deliveryTag);
  }

  hear(): void {
    this.wire.hear();
  }

  /** It just leaves. */
  finish(): void {
    if (this.wire.isOpen) this.wire.leave();
    this.finishing = true;
  }
  get isDone(): boolean {
    return this.finishing;
  }
  get state(): string {
    return `${this.wire.isOpen ? "connected" : "gone"}, holds ${this.tags}`;
  }
  breakOff(): void {
    this.wire.close(true);
  }
}
