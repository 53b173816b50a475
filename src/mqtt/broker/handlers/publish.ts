import { PUBREC } from "../../wire/acks.ts";
import type { Handler } from "../handler.ts";
import type { Link } from "../link.ts";
import { inboundProperties, Message } from "../../wire/message.ts";
import type { Properties } from "../../wire/properties.ts";
import { PublishView } from "../../wire/publish.ts";
import { MqttError } from "../../wire/reasons.ts";
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

/**
 * A plain QoS 0 packet that nobody wants to see is passed on as it came, without being decoded. False: it is not
 * such a packet; `view` has read it.
 */
export function forward(link: Link, buf: Buffer, start: number, end: number): boolean {
  view.read(buf, start, end, link.version);
  const { broker } = link;
  if ((view.head & 0x0f) !== 0 || view.propsEnd > view.propsStart) return false;
  if (broker.heard !== null) return false;
  const route = broker.subscriptions.find(buf, view.topicStart, view.topicEnd);
  if (!link.intake.lets(route)) return false;
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

/** A PUBLISH that has to be understood: it is acknowledged, retained, has properties, or somebody wants to see it. */
function receive(link: Link): void {
  const { broker } = link,
    session = link.session!;
  const { qos, id } = view;
  const properties = view.propsEnd > view.propsStart ? inboundProperties(view) : undefined;
  const route = find(link, properties);
  if (qos === 2) {
    if (session.received.has(id)) return link.respond(PUBREC, id, 0); // [MQTT-4.3.3-10]: sent again
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
  link.intake.accept(message, { qos, id, retain: view.retain, dup: view.dup }, route.reserved);
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
