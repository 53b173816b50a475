import type { Final, Later } from "../../hooks/chain.ts";
import type { Outgoing, Target } from "../../hooks/plugin.ts";
import type { Fail } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import { inject, type Sent } from "../../pipeline/inject.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Address, Message } from "../model/message.ts";
import { AmqpMessageEvent } from "./events.ts";

/** Who publishes behind the stages, and is told what became of messages that do not get there. */
export interface Publisher {
  readonly vhost: string;
  /** The turn of a message has come that was asked about. False: its channel is over. */
  resume(): boolean;
  /** Publishes a message, and confirms it. @param origin what the hooks and the observer know it as, where there are any */
  publish(message: Message, origin: AmqpMessageEvent | null): void;
  /** Publishes it once more, unconfirmed. */
  publishAgain(message: Message, origin: AmqpMessageEvent): void;
  /** Publishes it later, when `go` calls back. */
  publishLater(message: Message, origin: AmqpMessageEvent, go: Later["go"]): void;
  /** It is not published, and its sender is told that it was. */
  acknowledge(address: Address): void;
  /** It is not published, and its sender never hears of it. */
  withhold(): void;
  refuse(address: Address, verdict: Fail): void;
  /** The sender has to wait, and is told so; or may go on. */
  tellBlocked(reason: string): void;
  tellUnblocked(): void;
  /** Does something later that may fail as an operation does. */
  guard(run: () => void): void;
}

/** The way in of messages that one channel publishes. */
export class Intake {
  /** The address that nobody wants to see messages to, in that version of the pipeline. */
  private unseen: Address | null = null;
  private unseenAt = -1;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly connection: Connection,
    private readonly publisher: Publisher,
    private readonly host: Host,
  ) {}

  accept(message: Message): void {
    const { pipeline, publisher } = this;
    const { observer } = pipeline;
    const isUnseen = !pipeline.seesMessages || (message.address === this.unseen && this.unseenAt === pipeline.version);
    if (observer === null && isUnseen) return publisher.publish(message, null);
    this.ask(message, isUnseen);
  }

  private ask(message: Message, isUnseen: boolean): void {
    const { pipeline, publisher, connection } = this;
    const { observer } = pipeline;
    const { address } = message;
    const chain = isUnseen ? null : (pipeline.messages(connection, address.exchange)?.about("routingKey", address.routingKey) ?? null);
    if (chain === null && !isUnseen) {
      this.unseen = address;
      this.unseenAt = pipeline.version;
    }
    if (chain === null && observer === null) return publisher.publish(message, null);
    let told = false;
    const tell = (reason: string): void => {
      if (!told) publisher.tellBlocked(reason);
      told = true;
    };
    const event = new AmqpMessageEvent(connection, publisher.vhost, message, "", false, tell);
    if (observer !== null) observer.received(event);
    if (chain === null) return publisher.publish(message, event);
    const decision = chain.decide(event);
    if (!(decision instanceof Promise)) return this.settle(decision, event);
    connection.holdInput(
      decision.then((final) => {
        if (told) publisher.tellUnblocked();
        publisher.guard(() => this.settle(final, event));
      }),
    );
  }

  private settle(final: Final | null, event: AmqpMessageEvent): void {
    if (!this.publisher.resume()) return;
    if (final !== null && final.kind !== "duplicate" && final.kind !== "later") this.pipeline.observer?.refused(event, final.kind);
    applyVerdict(final, event, this.onMessage);
  }

  private readonly onMessage: AdapterAt<"message", AmqpMessageEvent> = {
    pass: (event) => this.publisher.publish(event.message, event),
    duplicate: (event, { times }) => {
      for (let i = 0; i < times; i++) this.publisher.publishAgain(event.message, event);
      this.publisher.publish(event.message, event);
    },
    later: (event, { go }) => this.publisher.publishLater(event.message, event, go),
    drop: (event) => this.publisher.acknowledge(event.message.address),
    reroute: (event, { to }) => {
      reroute(this.host, event, to);
      this.publisher.acknowledge(event.message.address);
    },
    fail: (event, verdict) => this.publisher.refuse(event.message.address, verdict),
    close: (_, verdict) => {
      // A connection that hangs may be let go: the publisher counts this one, and never hears of it.
      this.publisher.withhold();
      this.pipeline.end(this.connection, verdict);
    },
  };
}

/** A message that is sent from within, through the `message` hooks. @param store publishes it; `origin` as for `Publisher.publish` */
export function acceptInternal(
  host: Host,
  vhost: string,
  message: Message,
  sent: Sent,
  store: (message: Message, origin: AmqpMessageEvent | null) => void,
): void | Promise<void> {
  const { observer } = host.pipeline;
  const chain = host.pipeline.messages(null, message.address.exchange);
  if (chain === null && observer === null) return store(message, null);
  const event = new AmqpMessageEvent(null, vhost, message, "", false);
  return inject({ event, chain, observer, store: () => store(event.message, event), reroute: (to) => reroute(host, event, to) }, sent);
}

/** A plugin sends a message somewhere else. */
export function reroute(host: Host, event: AmqpMessageEvent, to: Target): void {
  const { payload, headers, properties, routingKey } = event;
  if (to.protocol !== "amqp") return host.publish({ ...to, payload, key: routingKey, headers: { ...headers } });
  const { exchange, vhost } = event;
  const message: Outgoing = { exchange, routingKey, vhost, ...to, payload, headers: { ...headers }, properties: { ...properties } };
  host.publish(message);
}
