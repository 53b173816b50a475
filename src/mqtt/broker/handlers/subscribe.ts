import type { Handler } from "../handler.ts";
import type { Link } from "../link.ts";
import { decode, type Subscribe, type Subscription } from "../../wire/packets.ts";
import type { QoS } from "../../wire/publish.ts";
import { MqttError, REASONS } from "../../wire/reasons.ts";
import { parseFilter, type ParsedFilter } from "../../wire/text.ts";

/** SUBSCRIBE (3.8). The retained messages follow the SUBACK. */
const subscribe: Handler = {
  type: "SUBSCRIBE",
  handle(link, buf, start, end) {
    const { id, subscriptions, properties } = decode(buf, start, end, link.version) as Subscribe;
    const identifier = properties?.subscriptionIdentifier?.[0] ?? 0;
    // All are looked at before any is carried out: a packet that is refused has changed nothing.
    const parsed = subscriptions.map((asked) => {
      const filter = parseFilter(asked.filter);
      // [MQTT-3.8.3-4]
      if (filter.group !== undefined && asked.noLocal)
        throw new MqttError("Protocol Error", "SUBSCRIBE: No Local on a shared subscription");
      return filter;
    });
    const wantRetained: { filter: string; qos: QoS }[] = [];
    const codes = subscriptions.map((asked, i) => add(link, asked, parsed[i]!, identifier, wantRetained));
    link.send({ type: "SUBACK", id, codes });
    for (const { filter, qos } of wantRetained) link.broker.deliverRetained(link.session!, filter, qos, identifier);
  },
};
export default subscribe;

/** Carries out one subscription and returns the code for its place in the SUBACK. */
function add(
  link: Link,
  asked: Subscription,
  { filter, group }: ParsedFilter,
  identifier: number,
  wantRetained: { filter: string; qos: QoS }[],
): number {
  const { broker } = link,
    session = link.session!;
  const { qos, noLocal, retainAsPublished, retainHandling } = asked;
  const options = { qos, noLocal, retainAsPublished, identifier };
  const old = session.subscriptions.get(asked.filter);
  if (old !== undefined)
    broker.subscriptions.change(old, options); // [MQTT-3.8.4-3]
  else if (session.subscriptions.size >= broker.options.maxSubscriptions) return link.five ? REASONS["Quota exceeded"] : 0x80;
  else session.subscriptions.set(asked.filter, broker.subscriptions.add(session, asked.filter, filter, group, options));
  // [MQTT-3.3.1-9..11]; a shared subscription gets none (4.8.2).
  if (group === undefined && (retainHandling === 0 || (retainHandling === 1 && old === undefined))) wantRetained.push({ filter, qos });
  return qos;
}
