import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import type { ArgsOut, MethodName } from "../../../src/amqp/v091/methods.ts";
import type { Random } from "../../../src/hooks/random.ts";
import type { Received } from "../../amqp/raw-client.ts";
import { count, idOf, must } from "../ledger.ts";
import type { Actor, Place } from "./actor.ts";
import { AmqpWire } from "./amqp-wire.ts";

/** A message as it came to a consumer. */
export interface Delivered {
  readonly queue: string;
  readonly payload: string;
  readonly redelivered: boolean;
  /** Counts the channels of this consumer: order holds on each. */
  readonly channel: number;
  readonly noAck: boolean;
  /** Copies of it that were settled for sure before it came. */
  readonly settledBefore: number;
}

/** What a client did about a delivery; whether the broker heard of it is another question. */
export interface Settled {
  readonly queue: string;
  readonly id: string;
  readonly how: "ack" | "reject";
}

interface Held {
  tag: number;
  queue: string;
  id: string;
}

/** A consumer of some queues that acknowledges, rejects and gives back what it holds, in any order. */
export class AmqpConsumer implements Actor {
  readonly delivered: Delivered[] = [];
  readonly settled: Settled[] = [];
  private readonly wire: AmqpWire;
  /** Settled since the last method that was answered: it is not known whether the broker heard of them. */
  private unheard: string[] = [];
  private channels = 0;
  /** All that came on this channel, and what of it is not settled. */
  private taken: Held[] = [];
  private held: Held[] = [];
  private readonly consuming = new Set<string>();
  private highest = 0;
  /** Not all delivery tags below the latest are known to be out. */
  private hasGap = false;
  private finishing = false;
  private quiet = 0;

  constructor(
    private readonly place: Place,
    readonly name: string,
    readonly queues: readonly string[],
    private readonly noAck: boolean,
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
    this.channels++;
    if (this.finishing) for (const queue of this.queues) this.consume(queue);
  }

  private ended(): void {
    this.held = [];
    this.taken = [];
    this.unheard = [];
    this.consuming.clear();
    this.highest = 0;
    this.hasGap = false;
  }

  act(random: Random): void {
    const { wire } = this;
    if (!wire.isOpen) return wire.connect();
    const draw = random.next();
    if (draw < 0.02) return wire.close(random.chance(0.5));
    if (draw < 0.03) return wire.leave();
    if (draw < 0.06) return wire.slow(random.pick([Infinity, Infinity, 100]));
    if (wire.channel === 0) return;
    const queue = random.pick(this.queues);
    if (this.held.length > 0 && draw < 0.6) return this.settle(random);
    if (!this.consuming.has(queue)) this.consume(queue);
    else if (draw < 0.65) this.cancel(queue);
    else if (draw < 0.7)
      this.call("basic.qos", { prefetchSize: 0, prefetchCount: random.int(0, 4), global: random.chance(0.3) }, ["basic.qos-ok"]);
    else if (draw < 0.8 && !wire.isBusy) this.get(queue);
    else if (draw < 0.83) this.recover();
  }

  private consume(queue: string): void {
    if (this.consuming.has(queue)) return;
    this.consuming.add(queue);
    this.call(
      "basic.consume",
      { queue, consumerTag: queue, noLocal: false, noAck: this.noAck, exclusive: false, noWait: false, arguments: FieldTable.EMPTY },
      ["basic.consume-ok"],
    );
  }

  private cancel(queue: string): void {
    this.call("basic.cancel", { consumerTag: queue, noWait: false }, ["basic.cancel-ok"], ({ args }) => {
      // An answer to another than this one, when that was lost.
      this.consuming.delete((args as { consumerTag: string }).consumerTag);
    });
  }

  private get(queue: string): void {
    this.call("basic.get", { queue, noAck: this.noAck }, ["basic.get-ok", "basic.get-empty"], (method) => {
      if (method.name === "basic.get-ok") this.deliver(queue, method);
    });
  }

  /** All comes again, under other tags; which of the old ones were still on their way nobody knows. */
  private recover(): void {
    this.hasGap = true;
    this.call("basic.recover", { requeue: true }, ["basic.recover-ok"]);
    this.held = [];
  }

  /** Asks; once it is answered the broker has handled everything that was sent before. */
  private call<N extends MethodName>(
    name: N,
    args: ArgsOut<N>,
    reply: MethodName[],
    then: (method: Received) => void = () => undefined,
  ): void {
    const before = this.unheard;
    this.unheard = [];
    this.wire.call(this.wire.channel, name, args, reply, (method) => {
      for (const key of before) count(this.place.ledger.settled, key);
      then(method);
    });
  }

  private settle(random: Random): void {
    const at = random.int(0, this.held.length - 1);
    const { tag: deliveryTag } = this.held[at]!;
    // "All up to this one" would mean those too that were lost on the way.
    const multiple = !this.hasGap && random.chance(0.2);
    // It means those again, too, of which the broker did not hear.
    const meant = multiple ? this.taken.filter(({ tag }) => tag <= deliveryTag) : [this.held[at]!];
    const still = this.held.filter((one) => !meant.includes(one));
    const gone = this.held.filter((one) => meant.includes(one)).map(({ queue, id }) => `${queue} ${id}`);
    this.held = still;
    const draw = random.next();
    if (draw < 0.7 || draw >= 0.85) this.unheard.push(...gone);
    if (draw < 0.7) {
      this.remember(meant, "ack");
      this.wire.send("basic.ack", { deliveryTag, multiple });
    } else if (draw < 0.85) this.wire.send("basic.nack", { deliveryTag, multiple, requeue: true });
    else {
      this.remember(meant, "reject");
      this.wire.send("basic.nack", { deliveryTag, multiple, requeue: false });
    }
  }

  private remember(meant: readonly Held[], how: Settled["how"]): void {
    for (const { queue, id } of meant) this.settled.push({ queue, id, how });
  }

  private take(method: Received): void {
    if (method.name === "basic.deliver") {
      const { consumerTag } = method.args as { consumerTag: string };
      must(this.consuming.has(consumerTag), () => `${this.name} got ${method.body} out of ${consumerTag}, and its consumer was cancelled`);
      this.deliver(consumerTag, method);
    } else if (method.name === "basic.cancel") this.consuming.delete((method.args as { consumerTag: string }).consumerTag);
  }

  private deliver(queue: string, { args, body }: Received): void {
    const { deliveryTag, redelivered } = args as { deliveryTag: number; redelivered: boolean };
    const payload = String(body);
    this.quiet = 0;
    this.place.ledger.receive(payload, this.place.now());
    this.place.ledger.note(this.name, `${queue} ${payload}${redelivered ? " again" : ""}`);
    must(deliveryTag > this.highest, () => `${this.name} got delivery tag ${deliveryTag} after ${this.highest}`);
    this.hasGap ||= deliveryTag !== this.highest + 1;
    this.highest = deliveryTag;
    this.delivered.push({
      queue,
      payload,
      redelivered,
      channel: this.channels,
      noAck: this.noAck,
      settledBefore: this.place.ledger.settled.get(`${queue} ${idOf(payload)}`) ?? 0,
    });
    if (this.noAck) return;
    const held = { tag: deliveryTag, queue, id: idOf(payload) };
    this.taken.push(held);
    if (!this.finishing) return void this.held.push(held);
    this.remember([held], "ack");
    this.wire.send("basic.ack", { deliveryTag, multiple: false });
  }

  hear(): void {
    this.quiet++;
    this.wire.hear();
  }

  /** Takes and acknowledges everything that is there. */
  finish(): void {
    this.finishing = true;
    if (!this.wire.isOpen) this.wire.connect();
  }
  get isDone(): boolean {
    return this.finishing && this.consuming.size === this.queues.length && !this.wire.isBusy && this.quiet > 5;
  }
  get state(): string {
    return `${this.wire.isOpen ? "connected" : "not connected"}, consumes ${[...this.consuming]}`;
  }
  breakOff(): void {
    this.wire.close(true);
  }
}
