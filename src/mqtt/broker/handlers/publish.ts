import { PUBACK, PUBREC } from "../../wire/acks.ts";
import type { Final } from "../../../hooks/chain.ts";
import { MessageEvent } from "../../pipeline/events.ts";
import type { Handler } from "../handler.ts";
import type { Link } from "../../pipeline/link.ts";
import { inboundProperties, Message } from "../../wire/message.ts";
import type { Properties } from "../../wire/properties.ts";
import { PublishView, type QoS } from "../../wire/publish.ts";
import { MqttError, REASONS, type ReasonName } from "../../wire/reasons.ts";
import type { Route } from "../subscriptions.ts";

const view = new PublishView();

/** PUBLISH (3.3). */
const publish: Handler = {
  type: "PUBLISH",
  handle(link, buf, start, end) {
    if (forward(link, buf, start, end)) return;
    receive(link);
    settlePressure(link);
  },
};
export default publish;

/** A plain QoS 0 packet that no hook wants to see is passed on as it came, without being decoded. False: it is not such a packet; `view` has read it. */
export function forward(link: Link, buf: Buffer, start: number, end: number): boolean {
  view.read(buf, start, end, link.version);
  const { broker } = link;
  if ((view.head & 0x0f) !== 0 || view.propsEnd > view.propsStart) return false;
  if (link.hooks.observer !== null || broker.heard !== null) return false;
  const route = broker.subscriptions.find(buf, view.topicStart, view.topicEnd);
  if (!link.passes(route)) return false;
  route.count++;
  broker.received++;
  if (!route.reserved) broker.forward(link, route, view);
  settlePressure(link);
  return true;
}

function settlePressure(link: Link): void {
  const { broker } = link;
  if (broker.pressed === null) return;
  link.waitFor(broker.pressed);
  broker.pressed = null;
}

/** A PUBLISH that has to be understood: it is acknowledged, retained, has properties, or a hook wants it. */
function receive(link: Link): void {
  const { broker } = link,
    session = link.session!;
  const { qos, id } = view;
  const properties = view.propsEnd > view.propsStart ? inboundProperties(view) : undefined;
  const route = find(link, properties);
  if (qos === 2) {
    if (session.received.has(id)) return link.acknowledge(PUBREC, id, 0); // [MQTT-4.3.3-10]: sent again
    // [MQTT-3.3.4-9]; before 5.0 there is no such limit.
    if (link.five && session.received.size >= broker.options.receiveMaximum) {
      throw new MqttError("Receive Maximum exceeded", `PUBLISH: ${session.received.size} packets in QoS 2 are not released`);
    }
    session.received.add(id);
  }
  route.count++;
  broker.received++;
  const message = new Message(
    broker.host.clock.now(),
    {
      topic: route.topic,
      payload: Buffer.from(view.buf.subarray(view.payloadStart, view.end)),
      qos,
      retain: view.retain,
      properties,
      publisher: session.clientId,
    },
    route.bytes,
  );
  let event: MessageEvent | null = null;
  if (link.hooks.observer !== null) {
    event = new MessageEvent(link.connection, message, broker.host.clock.now(), qos, view.retain, view.dup, null);
    link.hooks.observer.received(event);
  }
  if (link.hooks.message !== null && !route.reserved) {
    const chain = link.hooks.message.select(link.connection, route.topic);
    if (chain !== null) {
      const asked = event ?? new MessageEvent(link.connection, message, broker.host.clock.now(), qos, view.retain, view.dup, null);
      return link.decided(chain.decide(asked), (final) => settle(link, qos, id, asked, final));
    }
  }
  acknowledge(link, qos, id, store(link, message, route, event), message.topic);
}

/** The route of the packet's topic, or of the topic that its alias stands for (3.3.2.3.4). */
function find(link: Link, properties: Properties | undefined): Route {
  const { subscriptions, options } = link.broker;
  const alias = properties?.topicAlias;
  if (alias === undefined) return subscriptions.find(view.buf, view.topicStart, view.topicEnd);
  delete properties!.topicAlias;
  if (alias === 0 || alias > options.topicAliasMaximum) throw new MqttError("Topic Alias invalid", `PUBLISH: topic alias ${alias}`); // [MQTT-3.3.2-9]
  if (view.topicEnd > view.topicStart) {
    const route = subscriptions.find(view.buf, view.topicStart, view.topicEnd);
    link.aliasesIn.set(alias, route.bytes);
    return route;
  }
  const topic = link.aliasesIn.get(alias);
  if (topic === undefined) throw new MqttError("Protocol Error", `PUBLISH: topic alias ${alias} stands for nothing`);
  return subscriptions.find(topic, 0, topic.length);
}

/** Retains and fans out; returns the reason for the acknowledgement. */
function store(link: Link, message: Message, route: Route, event: MessageEvent | null): ReasonName {
  const { broker } = link;
  const { observer } = link.hooks;
  const problem = route.reserved ? "Not authorized" : message.retain && !broker.retained.keep(message) ? "Quota exceeded" : null;
  if (problem !== null) {
    if (observer !== null && event !== null) observer.refused(event, "error");
    return problem;
  }
  if (observer !== null && event !== null) observer.stored(route.topic, message, event);
  return broker.route(message, route) ? "Success" : "No matching subscribers";
}

/** PUBACK or PUBREC. Before 5.0 they can only say yes [MQTT-3.3.5-2 of 3.1.1]. */
function acknowledge(link: Link, qos: QoS, id: number, reason: ReasonName, topic: string): void {
  const code = REASONS[reason];
  if (qos === 1) link.acknowledge(PUBACK, id, code, topic);
  else if (qos === 2) {
    // 4.3.3: after an error the packet identifier is free again.
    if (code >= 0x80 && link.five) link.session!.received.delete(id);
    link.acknowledge(PUBREC, id, code, topic);
  }
}

/** Carries out what the message hooks decided. */
function settle(link: Link, qos: QoS, id: number, event: MessageEvent, final: Final | null): void {
  const { broker } = link;
  const { message } = event;
  const { observer } = link.hooks;
  if (observer !== null && final !== null && final.kind !== "duplicate" && final.kind !== "later") observer.refused(event, final.kind);
  switch (final?.kind) {
    case "drop":
      return acknowledge(link, qos, id, "Success", message.topic);
    case "later":
      return final.go(() => settle(link, qos, id, event, null));
    case "fail":
      if (qos === 2) link.session!.received.delete(id);
      return link.refuse(
        { type: "PUBLISH", topic: message.topic, payload: message.payload, qos, retain: false, dup: false, id },
        final.code,
      );
    case "reroute":
      broker.reroute(event, final.to);
      return acknowledge(link, qos, id, "Success", message.topic);
    case "hang":
    case "close":
      // It was neither stored nor answered: when the client sends it again it is new.
      if (qos === 2) link.session!.received.delete(id);
      return link.obey(final);
  }
  // Subscriptions may have changed while the verdict was pending, and the topic with it.
  const route = broker.subscriptions.route(message.topic, message.topicBytes);
  let reason = store(link, message, route, event);
  if (final?.kind === "duplicate") for (let i = 0; i < final.times; i++) reason = store(link, message, route, event);
  acknowledge(link, qos, id, reason, message.topic);
}
