import type { AmqpBroker } from "../../amqp/broker/broker.ts";
import type { Broker, ConnectionFilter } from "../../hooks/plugin.ts";
import type { Seam } from "../../hooks/seam.ts";
import type { KafkaCluster } from "../../kafka/broker/cluster.ts";
import { lagOf } from "../../kafka/broker/inspect.ts";
import type { MqttBroker } from "../../mqtt/broker/broker.ts";
import type { Net } from "../../net/net.ts";
import type { Oracle } from "../../oracle/oracle.ts";
import type { Rules } from "../../rules/rules.ts";
import { isAbout, kindOf, type Amount, type KindName, type State, type StateOf } from "./grammar.ts";

/** What is looked at. */
export interface Watched {
  readonly kafka: KafkaCluster | null;
  readonly mqtt: MqttBroker | null;
  readonly amqp: AmqpBroker | null;
  readonly net: Net;
  readonly control: Pick<Broker, "brokers">;
  readonly rules: Rules;
  readonly seam: Seam;
  readonly oracle: Oracle | null;
}

/** Whether a state holds, and what is seen of it, for people. */
export interface Look {
  readonly holds: boolean;
  readonly seen: string;
}

/** Messages that were there in a place before counting began. */
type Before = (place: string) => number;

/** Looks at one state. */
export function look(at: Watched, state: State, before: Before = () => 0): Look {
  return LOOKS[kindOf(state)](at, state as never, before);
}

const LOOKS: { [K in KindName]: (at: Watched, state: StateOf<K>, before: Before) => Look } = {
  group({ kafka }, { group: id, is, members, lag, topic }) {
    const group = kafka?.groups.groups.get(id);
    const state = group?.state ?? "Dead",
      size = group?.members.size ?? 0;
    const behind = group === undefined || lag === undefined ? null : lagOf(group, kafka!.topics, topic);
    const told = [
      `group ${id} is ${state}`,
      `has ${size} members`,
      ...(lag === undefined ? [] : [behind === null ? "committed nothing" : `lags ${behind} behind`]),
    ];
    const holds =
      (is === undefined || state.toLowerCase() === is.toLowerCase()) &&
      fits(members, size) &&
      (lag === undefined || (behind !== null && atMost(lag, behind)));
    return { holds, seen: group === undefined ? `there is no group ${id}` : told.join(", ") };
  },

  topic({ kafka }, { topic: name, records, messages }) {
    const topic = kafka?.topics.get(name);
    const lie = topic?.partitions.reduce((sum, { log }) => sum + log.end - log.start, 0) ?? 0;
    const ever = topic?.messagesIn ?? 0;
    const told = [
      ...(records === undefined ? [] : [`has ${lie} records`]),
      ...(messages === undefined ? [] : [`had ${ever} messages`]),
    ].join(", ");
    return {
      holds: fits(records, lie) && enough(messages, ever),
      seen: topic === undefined ? `there is no topic ${name}` : `topic ${name} ${told}`,
    };
  },

  queue({ amqp }, { queue: name, vhost, depth, ready = depth, unacknowledged, unacked = unacknowledged, consumers, delivered }) {
    for (const [id, { queues }] of amqp?.vhosts ?? []) {
      const queue = vhost === undefined || vhost === id ? queues.get(name) : undefined;
      if (queue === undefined) continue;
      const {
        items,
        consumers: { count },
      } = queue;
      const holds =
        fits(ready, items.ready) && fits(unacked, items.unacked) && fits(consumers, count) && enough(delivered, queue.delivered);
      const told = delivered === undefined ? "" : `, ${queue.delivered} delivered`;
      return {
        holds,
        seen: `queue ${name} has ${items.ready} messages that wait, ${items.unacked} unacknowledged, ${count} consumers${told}`,
      };
    }
    return { holds: false, seen: `there is no queue ${name}` };
  },

  client({ net }, { client, is }) {
    const n = net.connections({ client }).length;
    return {
      holds: (is!.toLowerCase() === "connected") === n > 0,
      seen: `client ${client} has ${n === 0 ? "no connection" : `${n} connections`}`,
    };
  },

  session({ mqtt }, { session: id, connected }) {
    const session = mqtt?.sessions.get(id);
    const is = session !== undefined && session.link !== null;
    return {
      holds: mqtt !== null && is === connected,
      seen: session === undefined ? `there is no session ${id}` : `session ${id} is ${is ? "" : "not "}connected`,
    };
  },

  connections({ net }, { connections, count }) {
    const n = net.connections(connections as ConnectionFilter).length;
    return { holds: fits(count, n), seen: `${n} connections are open` };
  },

  rule({ rules }, { rule: id, fired }) {
    const rule = rules.get(id);
    return {
      holds: rule !== undefined && enough(fired, rule.fired),
      seen: rule === undefined ? `there is no rule ${id}` : `rule ${id} fired ${rule.fired} times`,
    };
  },

  broker({ control }, { broker: name, is }) {
    const broker = control.brokers().find(({ broker }) => String(broker) === String(name));
    const found = broker === undefined ? "nowhere" : broker.paused ? "paused" : broker.up ? "up" : "down";
    return { holds: found === is!.toLowerCase(), seen: broker === undefined ? `there is no broker ${name}` : `broker ${name} is ${found}` };
  },

  fired({ seam }, { fired: name, times }) {
    let count = 0;
    for (const one of seam.fires.values()) if (one.rule === name || one.rule.startsWith(`${name}/`)) count += one.count;
    return { holds: enough(times, count), seen: `${name} fired ${count} times` };
  },

  messages({ oracle }, { messages, on }, before) {
    const place = on ?? "*";
    const stored = (oracle?.storedIn(place) ?? 0) - before(place);
    return {
      holds: oracle !== null && enough(messages, stored),
      seen: `${stored} messages were stored${on === undefined ? "" : ` on ${on}`}`,
    };
  },
};

function fits(wanted: Amount | undefined, is: number): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "number" ? is === wanted : is >= (wanted.from ?? -Infinity) && is <= (wanted.to ?? Infinity);
}

/** What only grows has reached its number when it is past it, too. */
function enough(wanted: Amount | undefined, is: number): boolean {
  return typeof wanted === "number" ? is >= wanted : fits(wanted, is);
}

function atMost(wanted: Amount, is: number): boolean {
  return typeof wanted === "number" ? is <= wanted : fits(wanted, is);
}

/** A state in words, for results. */
export function stateText(state: State): string {
  if (isAbout(state, "messages")) return `${amountText(state.messages)} messages${state.on === undefined ? "" : ` on ${state.on}`}`;
  const kind = kindOf(state);
  const { [kind]: who, ...rest } = state as Record<string, unknown>;
  const name =
    typeof who === "object" ? JSON.stringify(who, (_key, value) => (value instanceof RegExp ? String(value) : value)) : String(who);
  const { topic, vhost, ...what } = rest;
  const where = [...(topic === undefined ? [] : [`on ${topic as string}`]), ...(vhost === undefined ? [] : [`in ${vhost as string}`])];
  return [
    kind === "fired" ? name : `${kind} ${name}`,
    ...where,
    ...Object.entries(what).map(([field, value]) => wordsOf(field, value)),
  ].join(" ");
}

function wordsOf(field: string, value: unknown): string {
  if (field === "is") return `is ${value as string}`;
  if (field === "connected") return value === true ? "connected" : "not connected";
  if (field === "times") return `fired ${amountText(value as Amount)} times`;
  return `${field} ${amountText(value as Amount)}`;
}

function amountText(amount: Amount): string {
  if (typeof amount === "number") return String(amount);
  const { from, to } = amount;
  return from === undefined ? `up to ${to}` : to === undefined ? `at least ${from}` : `${from} to ${to}`;
}
