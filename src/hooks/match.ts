import type { Fact, HookEvent } from "./event.ts";
import type { ConnectionInfo, Match, Pattern, Protocol } from "./plugin.ts";

export type HookPoint = "connect" | "disconnect" | "request" | "response" | "message" | "delivery" | "bytes";
export const HOOK_POINTS: readonly HookPoint[] = ["connect", "disconnect", "request", "response", "message", "delivery", "bytes"];

type Test = (value: string) => boolean;

/** The names a match may use; `hooks/load.ts` tells the author of any other. */
export const MATCH_KEYS: readonly (keyof Match)[] = [
  "protocol", "operation", "topic", "exchange", "queue", "routingKey", "key", "partition", "group", "client", "user",
  "broker", "transport", "direction",
];

/**
 * A match in two halves: `selects` needs only the connection and the event's name, so that nothing
 * is decoded for a hook that is not concerned; `admits` asks the event for the rest.
 */
export interface Matcher {
  selects(connection: ConnectionInfo | null, name: string): boolean;
  /** Null when `selects` said it all. */
  admits: ((event: HookEvent) => boolean) | null;
}

export function compileMatch(match: Match, point: HookPoint, protocol: Protocol): Matcher | null {
  if (match.protocol !== undefined && !list(match.protocol).includes(protocol)) return null;
  const onName: Test[] = [];
  const onConnection: ((connection: ConnectionInfo) => boolean)[] = [];
  const onEvent: ((event: HookEvent) => boolean)[] = [];

  const nameIs = nameField(point, protocol);
  for (const field of ["operation", "topic", "exchange", "queue", "routingKey", "key", "group"] as const) {
    const pattern = match[field];
    if (pattern === undefined) continue;
    const test = compilePattern(pattern, field === "topic");
    if (field === nameIs) onName.push(test);
    else if (field === "operation") return null; // only requests and responses have one
    else onEvent.push((event) => some(event.fact(field), test));
  }
  if (match.partition !== undefined) {
    const values = list(match.partition).map(String);
    onEvent.push((event) => some(event.fact("partition"), (value) => values.includes(value)));
  }
  if (match.direction !== undefined) {
    const { direction } = match;
    if (point === "bytes") onEvent.push((event) => event.fact("direction") === direction);
    else if (direction !== (point === "response" || point === "delivery" ? "out" : "in")) return null;
  }
  if (match.client !== undefined) {
    const test = compilePattern(match.client, false);
    onConnection.push((connection) => test(connection.clientId));
  }
  if (match.user !== undefined) {
    const test = compilePattern(match.user, false);
    onConnection.push((connection) => test(connection.user));
  }
  if (match.broker !== undefined) {
    const brokers = list(match.broker);
    onConnection.push((connection) => connection.broker !== undefined && brokers.includes(connection.broker));
  }
  if (match.transport !== undefined) onConnection.push((connection) => connection.transport === match.transport);

  return {
    selects: (connection, name) =>
      onName.every((test) => test(name)) &&
      (onConnection.length === 0 || (connection !== null && onConnection.every((test) => test(connection)))),
    admits: onEvent.length === 0 ? null : (event) => onEvent.every((test) => test(event)),
  };
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

function some(fact: Fact, test: Test): boolean {
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
