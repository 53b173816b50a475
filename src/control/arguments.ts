/** Arguments that several control actions take. */
import { either, optional, text, whole, word, type Flaw } from "../core/shape.ts";
import type { BrokerName, ConnectionFilter } from "../hooks/plugin.ts";
import { connectionFilter, pattern } from "../hooks/shapes.ts";
import { noBroker } from "../kafka/broker/nodes.ts";
import { argument, fieldsOrWhole, notEnabled, type Argument } from "./action.ts";
import type { World } from "./world.ts";

function noNode(id: number, world: World): Flaw[] {
  const off = notEnabled("kafka", world);
  if (off.length > 0) return off;
  const message = noBroker(id, world.brokers);
  return message === null ? [] : [{ path: [], message }];
}

/** A Kafka broker by its node id, or the whole MQTT or AMQP broker. */
export const broker: Argument<BrokerName> = argument("broker", either(whole(1), word("mqtt", "amqp")), (name, world) =>
  typeof name === "number" ? noNode(name, world) : notEnabled(name, world),
);

/** A Kafka broker by its node id, or left out: the action chooses one. */
export const node: Argument<number | undefined> = argument("broker", optional(whole(1)), noNode);

export const topic: Argument<string> = argument("topic", text);
/** Topics by name or pattern. */
export const topics = argument("topic", pattern);
export const partition: Argument<number> = argument("partition", whole(0));
export const group: Argument<string> = argument("group", text);

function noSuchBrokers({ broker }: ConnectionFilter, world: World): Flaw[] {
  const [flaw] = [broker ?? []].flat().flatMap((id) => noNode(id, world));
  return flaw === undefined ? [] : [{ ...flaw, path: ["broker"] }];
}

/** Which connections are meant; all when it is left out. */
export const filter: Argument<ConnectionFilter> = fieldsOrWhole("filter", optional(connectionFilter, {}), noSuchBrokers);

/** The same where leaving it out means something else than an empty one. */
export const optionalFilter: Argument<ConnectionFilter | undefined> = fieldsOrWhole("filter", optional(connectionFilter), noSuchBrokers);
