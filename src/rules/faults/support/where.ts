import { either, optional, several, text, whole, word } from "../../../core/shape.ts";
import { compilePattern } from "../../../hooks/match.ts";
import type { Broker, BrokerName, ConnectionFilter, Match, Pattern } from "../../../hooks/plugin.ts";
import { FaultError, type World } from "../../rule.ts";

/** A broker by its Kafka node id or its protocol, or all of them. */
export const where = optional(either(whole(1), word("mqtt", "amqp", "all")));
export type Where = BrokerName | "all" | undefined;

/** The brokers that a fault means, by its options or else by the rule's match. */
export function brokersOf(where: Where, match: Match, broker: Broker): BrokerName[] {
  if (where !== undefined && where !== "all") return [where];
  const protocols = [match.protocol ?? ["kafka", "mqtt", "amqp"]].flat();
  const nodes = match.broker === undefined ? null : [match.broker].flat();
  return broker
    .brokers()
    .map((one) => one.broker)
    .filter((name) =>
      typeof name === "number"
        ? protocols.includes("kafka") && (nodes === null || nodes.includes(name))
        : nodes === null && protocols.includes(name),
    );
}

/** Throws where neither options nor match say which broker is meant, or there is none of that number. */
export function checkBroker(fault: string, where: Where, match: Match, world: World): void {
  checkNode(where, world, ["broker"]);
  const protocols = [match.protocol ?? []].flat();
  const isWhole = protocols.length > 0 && !protocols.includes("kafka");
  if (where === undefined && match.broker === undefined && !isWhole) {
    throw new FaultError(`${fault} has to know which broker: { broker: 2 }, { broker: mqtt } or { broker: all }`, ["broker"]);
  }
}

/** Throws where there is no Kafka broker of this node id. */
export function checkNode(node: BrokerName | "all" | undefined, { brokers }: World, path: readonly string[]): void {
  if (typeof node === "number" && node > brokers)
    throw new FaultError(`there is no broker ${node}: ${brokers === 1 ? "Kafka has one, 1" : `Kafka's are 1 to ${brokers}`}`, path);
}

/** The connections that a match means. */
export function filterOf({ protocol, client, user, broker, transport }: Match): ConnectionFilter {
  const given = { protocol, client, user, broker, transport };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

export const names = optional(several(text));

/** Which names a pattern means; where none is given the match's, else all. */
export function picks(given: Pattern | undefined, fromMatch: Pattern | undefined): Pattern {
  return given ?? fromMatch ?? "*";
}

/** Partitions of Kafka topics, each with its leader. */
export function partitionsOf(broker: Broker, topic: Pattern, partition?: number | readonly number[]) {
  const wanted = compilePattern(topic, true);
  const numbers = partition === undefined ? null : [partition].flat();
  return broker
    .topics()
    .filter(({ name }) => wanted(name))
    .flatMap(({ name, partitions }) =>
      partitions.filter((one) => numbers === null || numbers.includes(one.partition)).map((one) => ({ topic: name, ...one })),
    );
}

/** Groups that a pattern means: those that are there, and one that is named in full in any case. */
export function groupsOf(broker: Broker, group: Pattern): string[] {
  const wanted = compilePattern(group, false);
  const found = broker
    .groups()
    .map(({ id }) => id)
    .filter(wanted);
  return found.length === 0 && typeof group === "string" && !/[*?]/.test(group) ? [group] : found;
}
