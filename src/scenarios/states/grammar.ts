import {
  either,
  flag,
  isObject,
  number,
  object,
  optional,
  show,
  unknownFlaw,
  text,
  whole,
  type JsonSchema,
  type Shape,
  type ValueOf,
} from "../../core/shape.ts";
import type { Protocol } from "../../hooks/plugin.ts";
import { connectionFilter } from "../../hooks/shapes.ts";

/** A number, or from and up to. */
export type Amount = number | { readonly from?: number | undefined; readonly to?: number | undefined };

const amount: Shape<Amount> = either(whole(0), object({ from: optional(whole(0)), to: optional(whole(0)) }));

type Fields = Record<string, Shape<any>>;

/** One kind of thing that can be in a state. */
interface Kind<F extends Fields> {
  readonly fields: F;
  /** One of these says what is wanted of it. */
  readonly needs: readonly string[];
  /** Two names of the same. */
  readonly same: readonly (readonly [string, string])[];
  /** Whose it is; null: anybody's. */
  readonly protocol: Protocol | null;
}

function kind<const F extends Fields>(
  fields: F,
  needs: readonly (keyof F & string)[],
  { protocol = null, same = [] }: { protocol?: Protocol | null; same?: [keyof F & string, keyof F & string][] } = {},
): Kind<F> {
  return { fields, needs, same, protocol };
}

/** One of these words, in whatever case. */
function being(what: string, ...words: string[]): Shape<string> {
  return {
    wants: words.join(" or "),
    schema: { enum: [...new Set([...words, ...words.map((one) => one.toLowerCase())])] },
    read(value, path, flaws) {
      const fits = typeof value === "string" && words.some((one) => one.toLowerCase() === value.toLowerCase());
      if (!fits) flaws.push(unknownFlaw(path, `${show(value)} is nothing that a ${what} can be`, String(value), words));
      return value as string;
    },
  };
}

/**
 * What can be waited for and expected. A number is exact; of what only grows (`messages`, `fired`,
 * `times`, `delivered`) it is reached once it is passed, too, and `lag` may be lower.
 */
const KINDS = {
  /** A Kafka consumer group: its state, its members, or how far it is behind where it committed anything, over all or over one `topic`. */
  group: kind(
    {
      group: text,
      is: optional(being("group", "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead")),
      members: optional(amount),
      lag: optional(amount),
      topic: optional(text),
    },
    ["is", "members", "lag"],
    { protocol: "kafka" },
  ),
  /** A Kafka topic: `records` that lie in it, or `messages` that ever were stored. */
  topic: kind({ topic: text, records: optional(amount), messages: optional(amount) }, ["records", "messages"], { protocol: "kafka" }),
  /**
   * An AMQP queue, in any vhost unless one is named: messages that wait, that are out unacknowledged, that ever
   * went to consumers; and consumers.
   */
  queue: kind(
    {
      queue: text,
      vhost: optional(text),
      depth: optional(amount),
      ready: optional(amount),
      unacknowledged: optional(amount),
      unacked: optional(amount),
      consumers: optional(amount),
      delivered: optional(amount),
    },
    ["depth", "unacknowledged", "consumers", "delivered", "ready", "unacked"],
    {
      protocol: "amqp",
      same: [
        ["depth", "ready"],
        ["unacknowledged", "unacked"],
      ],
    },
  ),
  /** A client by its id, with wildcards. */
  client: kind({ client: text, is: optional(being("client", "connected", "disconnected")) }, ["is"]),
  /** An MQTT session by its client id. One that is not there is not connected. */
  session: kind({ session: text, connected: optional(flag) }, ["connected"], { protocol: "mqtt" }),
  /** Connections that are open. */
  connections: kind({ connections: connectionFilter, count: optional(amount) }, ["count"]),
  /** A rule by its id: how often it fired since it is in force. */
  rule: kind({ rule: text, fired: optional(amount) }, ["fired"]),
  /** A broker: a Kafka node id, `mqtt` or `amqp`. */
  broker: kind({ broker: either(number(1), text), is: optional(being("broker", "up", "down", "paused")) }, ["is"]),
  /** A plugin or rule by its name: how many verdicts of it there ever were. */
  fired: kind({ fired: text, times: optional(amount, 1) }, []),
  /** Messages stored `on` a Kafka topic, AMQP queue or MQTT topic, of which there is an account: in a scenario since it began. */
  messages: kind({ messages: amount, on: optional(text) }, []),
};

type Kinds = typeof KINDS;
export type KindName = keyof Kinds;
const NAMES = Object.keys(KINDS) as KindName[];

type Read<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };
export type StateOf<K extends KindName> = Read<Kinds[K]["fields"]>;
/** How one thing has to be. What was left out is not among its keys. */
export type State = { [K in KindName]: StateOf<K> }[KindName];

/** What a state that was read is about. */
export function kindOf(state: object): KindName {
  return namedIn(state)[0]!;
}

export function isAbout<K extends KindName>(state: State, kind: K): state is State & StateOf<K> {
  return kindOf(state) === kind;
}

/** The protocol without which it cannot be reached. */
export function protocolOf(state: State): Protocol | null {
  return KINDS[kindOf(state)].protocol;
}

/** The kinds that a value names; a topic is a field of a group's, too. */
function namedIn(value: object): KindName[] {
  const named = NAMES.filter((name) => ((value as Record<string, unknown>)[name] ?? null) !== null);
  return named.filter((name) => !named.some((other) => other !== name && name in KINDS[other].fields));
}

/** The grammar of a state. @param more fields that stand beside it */
export function stateWith<const M extends Fields>(more: M): Shape<State & Read<M>> {
  const shapes = Object.fromEntries(NAMES.map((name) => [name, shapeOf(name, KINDS[name], more)])) as Record<
    KindName,
    Shape<State & Read<M>>
  >;
  return {
    wants: `a state: one of ${NAMES.join(", ")}`,
    schema: { anyOf: NAMES.map((name) => shapes[name].schema) },
    read(value, path, flaws) {
      const named = isObject(value) ? namedIn(value) : [];
      if (named.length === 1) return shapes[named[0]!].read(value, path, flaws);
      const told = isObject(value)
        ? `one of ${NAMES.join(", ")}, not ${named.length === 0 ? "none" : named.join(" and ")}`
        : `a state, not ${show(value)}`;
      flaws.push({ path, message: `expected ${told}` });
      return value as never;
    },
  };
}

export const state: Shape<State> = stateWith({});

function shapeOf(name: string, { fields, needs, same }: Kind<Fields>, more: Fields): Shape<object> {
  const all = object({ ...fields, ...more }, (value, flaw) => {
    if (needs.length > 0 && needs.every((one) => value[one] === undefined)) {
      const told = needs.filter((one) => !same.some(([, other]) => one === other));
      flaw([], `${name} says who, not what: add ${told.join(" or ")}`);
    }
    for (const [one, other] of same)
      if (value[one] !== undefined && value[other] !== undefined) flaw([other], `${other} is ${one}: leave one of them out`);
  });
  return { ...all, schema: needing(all.schema, needs) };
}

/** The schema, with at least one of these keys. */
function needing(schema: JsonSchema, needs: readonly string[]): JsonSchema {
  const required = (schema["required"] ?? []) as string[];
  if (needs.length === 0) return schema;
  return needs.length === 1
    ? { ...schema, required: [...required, ...needs] }
    : { ...schema, anyOf: needs.map((one) => ({ required: [one] })) };
}
