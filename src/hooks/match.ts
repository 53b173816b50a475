import type { Fact, FactName, HookEvent } from "./event.ts";
import { compileContent } from "./payload.ts";
import type { AnyMessage, Chunk, ConnectionInfo, Match, Pattern, Protocol } from "./plugin.ts";
import { operationsOf } from "./operations.ts";

export type HookPoint = "connect" | "disconnect" | "request" | "response" | "message" | "delivery" | "bytes";
export const HOOK_POINTS: readonly HookPoint[] = ["connect", "disconnect", "request", "response", "message", "delivery", "bytes"];

type Test = (value: string) => boolean;

/** The names a match may use; `hooks/load.ts` tells the author of any other. */
export const MATCH_KEYS: readonly (keyof Match)[] = [
  "protocol",
  "operation",
  "topic",
  "exchange",
  "queue",
  "routingKey",
  "address",
  "key",
  "partition",
  "group",
  "client",
  "user",
  "connection",
  "broker",
  "transport",
  "direction",
  "header",
  "payload",
  "size",
];

/**
 * A match in two halves: `selects` needs only the connection and the event's name, so that nothing
 * is decoded for a hook that is not concerned; `admits` asks the event for the rest.
 */
export interface Matcher {
  selects(connection: ConnectionInfo | null, name: string): boolean;
  /** The first half of `selects`: what the name alone tells; null when it tells nothing. */
  readonly named: Test | null;
  /** The other half; null when any connection will do. */
  readonly connected: ((connection: ConnectionInfo) => boolean) | null;
  /** Of `admits`, what can be told by the value of one fact: so that of a hundred hooks those that name others need not be asked. */
  readonly facts: ReadonlyMap<FactName, Test>;
  /** Null when `selects` said it all. */
  admits: ((event: HookEvent) => boolean) | null;
}

/** Null: nothing that happens there to that protocol can be meant. */
export function compileMatch(match: Match, point: HookPoint, protocol: Protocol): Matcher | null {
  if (match.protocol !== undefined && !list(match.protocol).includes(protocol)) return null;
  if (!possible(match, point, protocol)) return null;
  const onName: Test[] = [];
  const onConnection: ((connection: ConnectionInfo) => boolean)[] = [];
  const onEvent: ((event: HookEvent) => boolean)[] = [];
  const facts = new Map<FactName, Test>();

  const nameIs = nameField(point, protocol);
  for (const field of ["operation", "topic", "exchange", "queue", "routingKey", "key", "group"] as const) {
    const given = match[field];
    if (given === undefined) continue;
    const pattern = field === "operation" && point === "response" ? withAnswers(given, protocol) : given;
    const test = compilePattern(pattern, field === "topic");
    if (field === nameIs) onName.push(test);
    else {
      const fact = field as FactName;
      if (SORTING.includes(fact)) facts.set(fact, test);
      onEvent.push((event) => some(event.fact(fact), test));
    }
  }
  if (match.address !== undefined) {
    const test = compilePattern(match.address, protocol !== "amqp");
    if (nameIs === "topic" || nameIs === "queue") onName.push(test);
    else if (protocol === "amqp") onEvent.push((event) => amqpAddress(event, test));
    else onEvent.push((event) => some(event.fact("topic"), test));
  }
  if (match.partition !== undefined) {
    const values = list(match.partition).map(String);
    onEvent.push((event) => some(event.fact("partition"), (value) => values.includes(value)));
  }
  if (match.direction !== undefined && point === "bytes") onName.push((name) => name === match.direction);
  if (match.client !== undefined) {
    const test = compilePattern(match.client, false);
    onConnection.push((connection) => test(connection.clientId));
  }
  if (match.user !== undefined) {
    const test = compilePattern(match.user, false);
    onConnection.push((connection) => test(connection.user));
  }
  for (const [wanted, field] of [
    [match.broker, "broker"],
    [match.connection, "ordinal"],
  ] as const) {
    if (wanted === undefined) continue;
    const values = list(wanted);
    onConnection.push((connection) => connection[field] !== undefined && values.includes(connection[field]));
  }
  if (match.transport !== undefined) onConnection.push((connection) => connection.transport === match.transport);
  const content = compileContent(match);
  if (content !== null)
    onEvent.push((event) => content(point === "bytes" ? bytesAsMessage(event as unknown as Chunk) : (event as unknown as AnyMessage)));

  const named = all(onName),
    connected = all(onConnection);
  return {
    named,
    connected,
    facts,
    selects: (connection, name) => (named?.(name) ?? true) && (connected === null || (connection !== null && connected(connection))),
    admits: all(onEvent),
  };
}

/** Facts that hooks are sorted by, the most telling first. */
export const SORTING: readonly FactName[] = ["topic", "queue", "routingKey", "exchange", "group"];

function all<T>(tests: readonly ((value: T) => boolean)[]): ((value: T) => boolean) | null {
  if (tests.length === 0) return null;
  return tests.length === 1 ? tests[0]! : (value) => tests.every((test) => test(value));
}

const AMQP_ONLY = ["exchange", "queue", "routingKey"] as const;

/** Whether what the match asks for is there at all: no AMQP method has a topic, no request a payload. */
function possible(match: Match, point: HookPoint, protocol: Protocol): boolean {
  const has = (...fields: readonly (keyof Match)[]): boolean => fields.some((field) => match[field] !== undefined);
  const isOperation = point === "request" || point === "response";
  const isMessage = point === "message" || point === "delivery";
  if (has("operation") && !isOperation) return false;
  if (has("topic", "partition", "group") && protocol === "amqp") return false;
  if (has("partition", "group") && protocol === "mqtt") return false;
  if (has("group") && !isOperation) return false;
  if (has(...AMQP_ONLY) && protocol !== "amqp") return false;
  if (has("topic", "partition", "address", ...AMQP_ONLY) && !isOperation && !isMessage) return false;
  if (has("queue") && point === "message") return false; // it has none before it is routed
  if (has("key") && (!isMessage || protocol === "mqtt")) return false;
  if (has("header") && !isMessage) return false;
  if (has("payload", "size") && !isMessage && point !== "bytes") return false;
  if (has("broker") && protocol !== "kafka") return false;
  if (match.transport === "websocket" && protocol !== "mqtt") return false;
  if (isOperation && !isSaid(match, point, protocol)) return false;
  if (match.direction === undefined || point === "bytes") return true;
  return match.direction === (point === "response" || point === "delivery" ? "out" : "in");
}

/** Whether there is an operation of that name which tells what the match asks for: no `basic.ack` names a queue. */
function isSaid(match: Match, point: "request" | "response", protocol: Protocol): boolean {
  const known = operationsOf(protocol);
  if (known === null) return true;
  const { operation, address } = match;
  const isMeant =
    operation === undefined ? () => true : compilePattern(point === "response" ? withAnswers(operation, protocol) : operation, false);
  const asked = OF_OPERATIONS.filter((field) => match[field] !== undefined);
  for (const [name, facts] of known[point]) {
    if (!isMeant(name) || asked.some((fact) => !facts.includes(fact))) continue;
    if (address === undefined || ADDRESSES.some((fact) => facts.includes(fact))) return true;
  }
  return false;
}

const OF_OPERATIONS = ["topic", "partition", "group", "exchange", "queue", "routingKey"] as const;
const ADDRESSES: readonly FactName[] = ["topic", "exchange", "queue"];

/** Who names an operation that only clients send means, of what the broker sends, its answers. */
function withAnswers(pattern: Pattern, protocol: Protocol): Pattern {
  const answers = operationsOf(protocol)?.answers;
  if (answers === undefined || answers.size === 0) return pattern;
  return list<string | RegExp>(pattern as string | RegExp).flatMap((one): (string | RegExp)[] =>
    typeof one === "string" ? [one, ...(answers.get(one) ?? [])] : [one],
  );
}

/** Exchange or queue; at the default exchange the routing key, which names the queue. */
function amqpAddress(event: HookEvent, test: Test): boolean {
  const exchange = event.fact("exchange");
  return some(exchange === "" ? event.fact("routingKey") : exchange, test) || some(event.fact("queue"), test);
}

function bytesAsMessage(chunk: Chunk): AnyMessage {
  const payload = chunk.data;
  return { payload, headers: {}, text: () => payload.toString("latin1"), json: () => undefined } as unknown as AnyMessage;
}

/** Which field of a match the event's name answers. */
function nameField(point: HookPoint, protocol: Protocol): keyof Match | null {
  switch (point) {
    case "request":
    case "response":
      return "operation";
    case "message":
      return protocol === "amqp" ? "exchange" : "topic";
    case "delivery":
      return protocol === "amqp" ? "queue" : "topic";
    default:
      return null;
  }
}

/** Whether a fact has a value that passes. */
export function some(fact: Fact, test: Test): boolean {
  if (fact === undefined || fact === null) return false;
  if (typeof fact === "object") return fact.some((value) => test(String(value)));
  return test(String(fact));
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** True when a connection, which has no event yet, is one that the filter means. */
export function matchesConnection(filter: Match & { id?: number }, connection: ConnectionInfo): boolean {
  if (filter.id !== undefined && filter.id !== connection.id) return false;
  return compileMatch(filter, "connect", connection.protocol)?.selects(connection, "") ?? false;
}

/** A pattern as a function. In topics, MQTT's `+` stands for one level and `#` for the rest. */
export function compilePattern(pattern: Pattern, isTopic: boolean): Test {
  const tests = list(pattern).map((one): Test => {
    if (one instanceof RegExp) {
      // A global or sticky expression would remember where it stopped the last time.
      const expression = new RegExp(one.source, one.flags.replace(/[gy]/g, ""));
      return (value) => expression.test(value);
    }
    if (!/[*?]/.test(one) && !(isTopic && /[+#]/.test(one))) return (value) => value === one;
    const source = one.replace(/[.*?+#^${}()|[\]\\/]/g, (c) => {
      if (c === "*") return "[^]*";
      if (c === "?") return "[^]";
      if (isTopic && c === "+") return "[^/]*";
      if (isTopic && c === "#") return "[^]*";
      return `\\${c}`;
    });
    const expression = new RegExp(`^${isTopic ? source.replace(/\\\/\[\^\]\*$/, "(?:/[^]*)?") : source}$`);
    return (value) => expression.test(value);
  });
  return tests.length === 1 ? tests[0]! : (value) => tests.some((test) => test(value));
}
