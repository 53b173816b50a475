import type { Final } from "../../hooks/chain.ts";
import type { Delivered } from "../../hooks/observer.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Copy, Message } from "../wire/message.ts";
import type { QoS } from "../wire/publish.ts";
import { MessageEvent } from "./events.ts";
import { reroute } from "./intake.ts";

/** Copies that wait for their turn, beyond which no more are taken. */
const HELD_MOST = 50_000;

/** Who gets copies behind the stages. */
export interface Receiver {
  readonly consumer: string;
  write(copy: Copy, dup: boolean): void;
  /** The copy as the hooks left it. */
  changed(copy: Copy, message: Message, qos: QoS, retain: boolean): Copy;
  /** A copy in flight will not be sent: it is as if it had been acknowledged. */
  abandon(id: number): void;
  /** More copies can be taken again. */
  drained(): void;
  end(how: Close | Hang): void;
}

interface Outbound {
  readonly copy: Copy;
  readonly dup: boolean;
  /** Null: no hook was asked, and the copy only waited for others. */
  readonly event: MessageEvent | null;
}

/** The way out of messages to one client. */
export class Outlet {
  private readonly pipeline: Pipeline;
  private held = 0;

  constructor(
    private readonly host: Host,
    private readonly connection: Connection,
    private readonly receiver: Receiver,
  ) {
    this.pipeline = host.pipeline;
  }

  /** Too many copies wait for their turn. */
  get isFull(): boolean {
    return this.held >= HELD_MOST;
  }

  /** Whether a hook may want to see what this client gets from a topic. */
  sees(topic: string): boolean {
    return this.pipeline.deliveries(this.connection, topic) !== null;
  }

  /** What was found out about the connection before may no longer hold. */
  changed(): void {
    this.pipeline.changed();
  }

  /** Sends a copy; one in QoS 1 or 2 is in flight already. */
  send(copy: Copy, dup: boolean): void {
    if (this.connection.waiting || (this.pipeline.seesDeliveries && this.sees(copy.message.topic))) this.ask(copy, dup);
    else this.write(copy, dup, copy.message, null);
  }

  /** Nobody will get a copy. */
  left(copy: Copy, why: "too large" | "overflow"): void {
    const { observer } = this.pipeline;
    if (observer === null || copy.retain) return;
    observer.left({ protocol: "mqtt", place: copy.message.topic, id: copy.message }, why, this.receiver.consumer, false);
  }

  /** Asks the delivery hooks, or waits for what was to go out before. */
  private ask(copy: Copy, dup: boolean): void {
    const { message, qos, retain } = copy;
    const chain = this.pipeline.deliveries(this.connection, message.topic);
    const event =
      chain === null ? null : new MessageEvent(this.connection, message, this.host.clock.now(), qos, retain, dup, this.connection.clientId);
    this.held++;
    this.order(event === null ? null : chain!.decide(event), { copy, dup, event });
  }

  private order(decision: Final | null | Promise<Final | null>, subject: Outbound): void {
    this.connection.inOrder(decision, (final) => {
      if (!this.settle(final, subject)) return;
      this.held--;
      if (this.held === HELD_MOST - 1) this.receiver.drained();
    });
  }

  private settle(final: Final | null, subject: Outbound): boolean {
    if (final !== null) this.tell(final, subject);
    return applyVerdict(final, subject, this.onDelivery);
  }

  private tell({ kind }: Final, { copy, event }: Outbound): void {
    const { observer } = this.pipeline;
    if (observer === null || kind === "duplicate" || kind === "later") return;
    if (kind === "expire") observer.left(this.delivery(copy.message, copy.id, event), "expired", this.receiver.consumer, false);
    else observer.withheld(this.delivery(copy.message, copy.id, event), kind, copy.qos === 0 || kind === "reroute");
  }

  /** Each answers whether the copy is dealt with; false: it comes later. */
  private readonly onDelivery: AdapterAt<"delivery", Outbound, boolean> = {
    pass: (subject) => {
      this.pass(subject);
      return true;
    },
    drop: () => true, // in QoS 1 and 2 it stays in flight, as after a loss on the network
    close: (_, verdict) => {
      this.receiver.end(verdict);
      return true;
    },
    expire: ({ copy }) => {
      if (copy.id > 0) this.receiver.abandon(copy.id);
      return true;
    },
    reroute: ({ copy, event }, { to }) => {
      if (copy.id > 0) this.receiver.abandon(copy.id);
      reroute(this.host, event!, to);
      return true;
    },
    // The same packet again, as a network that repeats itself would bring it.
    duplicate: (subject, { times }) => {
      const copy = this.pass(subject);
      for (let i = 0; i < times; i++) this.write(copy, copy.qos > 0, subject.copy.message, subject.event);
      return true;
    },
    later: (subject, { go }) => {
      go(() => this.order(null, subject));
      return false;
    },
  };

  private pass({ copy, dup, event }: Outbound): Copy {
    const sent =
      event !== null && event.message !== copy.message ? this.receiver.changed(copy, event.message, event.qos, event.retain) : copy;
    this.write(sent, dup && sent.qos > 0, copy.message, event); // [MQTT-3.3.1-2]: a hook may have lowered it
    return sent;
  }

  /** @param kept the message as it was stored, before any hook changed it */
  private write(copy: Copy, dup: boolean, kept: Message, event: MessageEvent | null): void {
    const { observer } = this.pipeline;
    if (observer !== null && !copy.retain) observer.delivered(this.delivery(kept, copy.id, event), copy.qos === 0);
    this.receiver.write(copy, dup);
  }

  private delivery(kept: Message, tag: number, event: MessageEvent | null): Delivered {
    return { protocol: "mqtt", place: kept.topic, id: kept, consumer: this.receiver.consumer, connection: this.connection, tag, event };
  }
}

/** What is known of a topic's recipients, remembered by whoever fans out to them. */
export interface Audience {
  readonly topic: string;
  /** The version of the pipeline in which no hook wants to see what they get; -1: nobody looked, or one does. */
  unseenAt: number;
  readonly recipients: Iterable<{ readonly session: { readonly link: { readonly outlet: Outlet } | null } }>;
}

/** Whether a hook may want to see what any of a topic's recipients gets. */
export function seesAny(host: Host, audience: Audience): boolean {
  const { pipeline } = host;
  if (!pipeline.seesDeliveries || audience.unseenAt === pipeline.version) return false;
  for (const { session } of audience.recipients) if (session.link?.outlet.sees(audience.topic) === true) return true;
  audience.unseenAt = pipeline.version;
  return false;
}
