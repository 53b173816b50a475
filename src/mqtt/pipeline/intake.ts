import type { Final } from "../../hooks/chain.ts";
import type { AnyMessage, ConnectionInfo, Outgoing, Target } from "../../hooks/plugin.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import { inject, type Sent } from "../../pipeline/inject.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Message } from "../wire/message.ts";
import type { QoS } from "../wire/publish.ts";
import { MessageEvent } from "./events.ts";

/** What a message is known as to those who saw it come; null: nobody did. */
export type Origin = AnyMessage | null;

/** One message that a client published: what it knows it by travels beside it. */
interface Published {
  readonly event: MessageEvent;
  readonly qos: QoS;
  /** The packet identifier; 0 in QoS 0. */
  readonly id: number;
}

/** Who publishes behind the stages. */
export interface Publisher {
  /** Stores a message once more, unacknowledged. */
  store(message: Message, origin: Origin): void;
  /** Stores a message, and acknowledges it. */
  publish(message: Message, qos: QoS, id: number, origin: Origin): void;
  /** It is not stored, and its sender is told that it was. */
  acknowledge(message: Message, qos: QoS, id: number): void;
  refuse(message: Message, qos: QoS, id: number, code: string): void;
  /** It is neither stored nor answered: when the client sends it again it is new. */
  forget(qos: QoS, id: number): void;
  end(how: Close | Hang): void;
  wait<T>(until: Promise<T>, run: (value: T) => void): void;
}

/** The way in of messages that one client publishes. */
export class Intake {
  private readonly pipeline: Pipeline;
  /** The topic that nobody wants to see this client publish to, in that version of the pipeline. */
  private unseen: object | null = null;
  private unseenAt = -1;

  constructor(
    private readonly host: Host,
    private readonly connection: Connection,
    private readonly publisher: Publisher,
  ) {
    this.pipeline = host.pipeline;
  }

  /** Whether nobody wants to see a PUBLISH of this client to a topic: then it need not be understood. */
  lets(route: { readonly topic: string }): boolean {
    const { pipeline } = this;
    if (pipeline.observer !== null) return false;
    if (!pipeline.seesRequests && !pipeline.seesMessages) return true;
    return (route === this.unseen && pipeline.version === this.unseenAt) || this.looksUnseen(route);
  }

  private looksUnseen(route: { readonly topic: string }): boolean {
    const { pipeline, connection } = this;
    const named = pipeline.requests(connection, "PUBLISH");
    if (named !== null && (named.sortedBy !== "topic" || named.about("topic", route.topic) !== null)) return false;
    if (pipeline.messages(connection, route.topic) !== null) return false;
    this.unseen = route;
    this.unseenAt = pipeline.version;
    return true;
  }

  /** @param reserved the topic is the broker's own, and the message will be refused */
  accept(message: Message, { qos, id, retain, dup }: { qos: QoS; id: number; retain: boolean; dup: boolean }, reserved: boolean): void {
    const { pipeline, publisher } = this;
    const { observer } = pipeline;
    const chain = reserved ? null : pipeline.messages(this.connection, message.topic);
    if (chain === null && observer === null) return publisher.publish(message, qos, id, null);
    const event = new MessageEvent(this.connection, message, this.host.clock.now(), qos, retain, dup, null);
    if (observer !== null) observer.received(event);
    if (chain === null) return publisher.publish(message, qos, id, event);
    const subject: Published = { event, qos, id };
    const decision = chain.decide(event);
    if (decision instanceof Promise) publisher.wait(decision, (final) => this.settle(final, subject));
    else this.settle(decision, subject);
  }

  private settle(final: Final | null, subject: Published): void {
    if (final !== null && final.kind !== "duplicate" && final.kind !== "later") this.pipeline.observer?.refused(subject.event, final.kind);
    applyVerdict(final, subject, this.onMessage);
  }

  private readonly onMessage: AdapterAt<"message", Published> = {
    pass: ({ event, qos, id }) => this.publisher.publish(event.message, qos, id, event),
    duplicate: ({ event, qos, id }, { times }) => {
      for (let i = 0; i < times; i++) this.publisher.store(event.message, event);
      this.publisher.publish(event.message, qos, id, event);
    },
    later: (subject, { go }) => go(() => this.settle(null, subject)),
    drop: ({ event, qos, id }) => this.publisher.acknowledge(event.message, qos, id),
    reroute: ({ event, qos, id }, { to }) => {
      reroute(this.host, event, to);
      this.publisher.acknowledge(event.message, qos, id);
    },
    fail: ({ event, qos, id }, { code }) => this.publisher.refuse(event.message, qos, id, code),
    close: ({ qos, id }, verdict) => {
      this.publisher.forget(qos, id);
      this.publisher.end(verdict);
    },
  };
}

/** A message that comes from no PUBLISH: a Will, or one sent from within. Passes the `message` hooks. @param from whose it is */
export function acceptInternal(
  host: Host,
  from: ConnectionInfo | null,
  message: Message,
  sent: Sent,
  store: (message: Message, origin: Origin) => void,
): void | Promise<void> {
  const { observer } = host.pipeline;
  const chain = host.pipeline.messages(from, message.topic);
  if (chain === null && observer === null) return store(message, null);
  const event = eventOf(host, from, message);
  return inject({ event, chain, observer, store: () => store(event.message, event), reroute: (to) => reroute(host, event, to) }, sent);
}

/** What a message that passes no hook is known as. */
export function originOf(host: Host, message: Message): Origin {
  return host.pipeline.observer === null ? null : eventOf(host, null, message);
}

function eventOf(host: Host, from: ConnectionInfo | null, message: Message): MessageEvent {
  return new MessageEvent(from, message, host.clock.now(), message.qos, message.retain, false, null);
}

/** Sends what a hook has seen somewhere else. */
export function reroute(host: Host, { message, headers }: MessageEvent, to: Target): void {
  host.publish({ ...to, payload: message.payload, headers } as Outgoing);
}
