import { ReplyError } from "./replies.ts";
import type { Message } from "../model/message.ts";
import type { AmqpQueue } from "../model/queue.ts";
import type { Route } from "../model/route.ts";
import type { Channel } from "./channel.ts";
import type { AnyMessage } from "../../hooks/plugin.ts";
import type { Delivery } from "./unacked.ts";

type Outcome = "ack" | "reject" | "requeue";

/** What a channel in transaction mode has published and settled since the last commit or rollback. */
export class Transaction {
  private messages: { route: Route; message: Message; mandatory: boolean; origin: AnyMessage | null; queues: readonly AmqpQueue[] }[] = [];
  private settled: { deliveries: readonly Delivery[]; how: Outcome }[] = [];

  constructor(private readonly channel: Channel) {}

  publish(route: Route, message: Message, mandatory: boolean, origin: AnyMessage | null): void {
    message.keep();
    // Where it goes is settled now: what is declared and bound until the commit gets nothing.
    this.messages.push({ route, message, mandatory, origin, queues: route.queuesFor(message) });
  }

  settle(deliveries: readonly Delivery[], how: Outcome): void {
    this.settled.push({ deliveries, how });
  }

  /** What was settled and could still be rolled back. */
  *uncommitted(): IterableIterator<Delivery> {
    for (const { deliveries } of this.settled) yield* deliveries;
  }

  /** Throws PRECONDITION_FAILED where a full queue refused a message; the others are published. */
  commit(): void {
    const { messages, settled } = this;
    this.messages = [];
    this.settled = [];
    let accepted = true;
    for (const { route, message, mandatory, origin, queues } of messages) {
      const left = queues.filter(({ isDeleted }) => !isDeleted);
      if (!this.channel.publishing.publisher.route(route, message, mandatory, origin, left)) accepted = false;
    }
    for (const { deliveries, how } of settled) this.channel.settle(deliveries, how);
    if (!accepted) throw new ReplyError("PRECONDITION_FAILED", "partial tx completion");
  }

  /** The messages were never published; what was settled is unsettled again. */
  rollback(): void {
    const { events } = this.channel.session.broker.host;
    if (events !== null) for (const { origin } of this.messages) if (origin !== null) events.refused(origin, "error");
    this.messages = [];
    const deliveries = this.settled.flatMap((settled) => settled.deliveries);
    this.settled = [];
    this.channel.unacked.restore(deliveries);
  }

  /** The channel ends: what it had settled without a commit goes back. */
  abandon(): readonly Delivery[] {
    return this.settled.flatMap((settled) => settled.deliveries);
  }
}
