import { METHODS, type MethodName } from "../amqp/v091/methods.ts";
import type { FactName } from "../hooks/event.ts";
import type { OperationTable } from "../hooks/operations.ts";
import type { Protocol } from "../hooks/plugin.ts";
import apis from "../kafka/broker/apis/index.ts";
import { GROUPS, TOPICS } from "../kafka/pipeline/facts.ts";

const nothing: readonly FactName[] = [];
const topic: readonly FactName[] = ["topic"];
/** A confirm is about the message that it confirms. */
const CONFIRMS: readonly string[] = ["basic.ack", "basic.nack"];

/** Requests and their answers have one name, and an answer is about what its request was. */
function kafka(): OperationTable {
  const all = new Map(apis.map(({ name, request }) => [name as string, kafkaFacts(request.fields)]));
  return { request: all, response: all, answers: new Map(), deliveries: [] };
}

function kafkaFacts(fields: object): readonly FactName[] {
  const has = (...names: readonly string[]): boolean => names.some((name) => name in fields);
  return [
    ...(has(...TOPICS, "groups") ? (["topic", "partition"] as const) : []),
    ...(has("groupId", "key", ...GROUPS) ? (["group"] as const) : []),
  ];
}

function mqtt(): OperationTable {
  return {
    request: new Map([
      ["CONNECT", nothing],
      ["PUBLISH", topic],
      ["PUBACK", nothing],
      ["PUBREC", nothing],
      ["PUBREL", nothing],
      ["PUBCOMP", nothing],
      ["SUBSCRIBE", topic],
      ["UNSUBSCRIBE", topic],
      ["PINGREQ", nothing],
      ["DISCONNECT", nothing],
      ["AUTH", nothing],
    ]),
    response: new Map([
      ["CONNACK", nothing],
      ["PUBACK", topic],
      ["PUBREC", topic],
      ["PUBREL", nothing],
      ["PUBCOMP", nothing],
      ["SUBACK", nothing],
      ["UNSUBACK", nothing],
      ["PINGRESP", nothing],
      ["DISCONNECT", nothing],
    ]),
    answers: new Map([
      ["CONNECT", ["CONNACK"]],
      ["PUBLISH", ["PUBACK", "PUBREC"]],
      ["SUBSCRIBE", ["SUBACK"]],
      ["UNSUBSCRIBE", ["UNSUBACK"]],
      ["PINGREQ", ["PINGRESP"]],
    ]),
    deliveries: [],
  };
}

function amqp(): OperationTable {
  const deliveries = ["basic.deliver"];
  const request = new Map<string, readonly FactName[]>(),
    response = new Map<string, readonly FactName[]>(),
    answers = new Map<string, readonly string[]>();
  for (const name of Object.keys(METHODS) as MethodName[]) {
    const { from, args, replies = [] } = METHODS[name] as { from: string; args: object; replies?: readonly string[] };
    const facts = amqpFacts(args);
    if (from !== "server") request.set(name, facts);
    if (from !== "client" && !deliveries.includes(name)) response.set(name, CONFIRMS.includes(name) ? ["exchange", "routingKey"] : facts);
    if (from === "client" && replies.length > 0) answers.set(name, replies);
  }
  return { request, response, answers: answers.set("basic.publish", CONFIRMS), deliveries };
}

function amqpFacts(args: object): readonly FactName[] {
  const facts = (["exchange", "queue", "routingKey"] as const).filter((name) => name in args);
  return "source" in args && "destination" in args ? [...facts, "exchange"] : facts;
}

/**
 * What clients and the broker say to each other, and what can be told of it: so that a rule which waits for what
 * never comes is found at once.
 */
export const operations: Record<Protocol, () => OperationTable> = { kafka, mqtt, amqp };
