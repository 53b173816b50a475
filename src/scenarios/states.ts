import type { Havoq } from "../havoq.ts";
import type { Amount, Converge, State } from "./grammar.ts";

/** Whether a state holds, and what is seen of it, for people. */
export interface Look {
  readonly holds: boolean;
  readonly seen: string;
}

export function fits(wanted: Amount, is: number): boolean {
  return typeof wanted === "number" ? is === wanted : is >= (wanted.from ?? -Infinity) && is <= (wanted.to ?? Infinity);
}

/** Looks at one state. `before` are the messages that were there when the scenario began. */
export function look(havoq: Havoq, state: State, before: (place: string) => number): Look {
  if (state.group !== undefined) return group(havoq, state.group, state);
  if (state.topic !== undefined) {
    const info = havoq.control.topics().find(({ name }) => name === state.topic);
    const records = info?.partitions.reduce((sum, { start, end }) => sum + end - start, 0) ?? 0;
    return { holds: fits(state.records!, records), seen: info === undefined ? `there is no topic ${state.topic}` : `topic ${state.topic} has ${records} records` };
  }
  if (state.queue !== undefined) return queue(havoq, state.queue, state);
  if (state.client !== undefined) {
    const n = havoq.net.connections({ client: state.client }).length;
    const connected = state.is!.toLowerCase() === "connected";
    return { holds: connected === n > 0, seen: `client ${state.client} has ${n === 0 ? "no connection" : `${n} connections`}` };
  }
  if (state.rule !== undefined) {
    const rule = havoq.rules.get(state.rule);
    return { holds: rule !== undefined && enough(state.fired!, rule.fired), seen: rule === undefined ? `there is no rule ${state.rule}` : `rule ${state.rule} fired ${rule.fired} times` };
  }
  if (state.broker !== undefined) {
    const broker = havoq.control.brokers().find(({ broker }) => String(broker) === String(state.broker));
    const is = broker === undefined ? "nowhere" : broker.paused ? "paused" : broker.up ? "up" : "down";
    return { holds: is === state.is!.toLowerCase(), seen: broker === undefined ? `there is no broker ${state.broker}` : `broker ${state.broker} is ${is}` };
  }
  const on = state.on ?? "*";
  const stored = (havoq.oracle?.storedIn(on) ?? 0) - before(on);
  return { holds: enough(state.messages!, stored), seen: `${stored} messages were stored${state.on === undefined ? "" : ` on ${on}`}` };
}

/** What only grows has reached its number when it is past it, too. */
function enough(wanted: Amount, is: number): boolean {
  return typeof wanted === "number" ? is >= wanted : fits(wanted, is);
}

function group(havoq: Havoq, id: string, { is, members, lag, topic }: State): Look {
  const group = havoq.kafka?.groups.groups.get(id);
  if (group === undefined) return { holds: false, seen: `there is no group ${id}` };
  const behind = lagOf(havoq, id, topic);
  const told = [`group ${id} is ${group.state}`, `has ${group.members.size} members`, ...(lag === undefined ? [] : [`lags ${behind} behind`])];
  const holds =
    (is === undefined || group.state.toLowerCase() === is.toLowerCase()) && (members === undefined || fits(members, group.members.size)) &&
    (lag === undefined || (group.offsets.size > 0 && fits(lag, behind)));
  return { holds, seen: told.join(", ") };
}

/** Records that a group has yet to commit, in the partitions where it committed any. */
function lagOf(havoq: Havoq, id: string, topic?: string): number {
  let lag = 0;
  for (const [name, partitions] of havoq.kafka?.groups.groups.get(id)?.offsets ?? []) {
    if (topic !== undefined && name !== topic) continue;
    for (const [index, { offset }] of partitions) lag += Math.max(0, (havoq.kafka!.partition(name, index)?.highWatermark ?? 0) - offset);
  }
  return lag;
}

function queue(havoq: Havoq, name: string, { depth, unacknowledged, consumers }: State): Look {
  for (const vhost of havoq.amqp?.vhosts.values() ?? []) {
    const queue = vhost.queues.get(name);
    if (queue === undefined) continue;
    const { ready, unacked } = queue.items;
    const holds =
      (depth === undefined || fits(depth, ready)) && (unacknowledged === undefined || fits(unacknowledged, unacked)) &&
      (consumers === undefined || fits(consumers, queue.consumers.count));
    return { holds, seen: `queue ${name} has ${ready} messages that wait, ${unacked} unacknowledged, ${queue.consumers.count} consumers` };
  }
  return { holds: false, seen: `there is no queue ${name}` };
}

/** Whether everything has come to rest: the states that the scenario names, or all that can be seen from here. */
export function converged(havoq: Havoq, { states }: Converge, before: (place: string) => number): Look {
  const looks = states === undefined ? [...atRest(havoq)] : states.map((state) => look(havoq, state, before));
  const not = looks.filter(({ holds }) => !holds);
  return { holds: not.length === 0, seen: not.map(({ seen }) => seen).join("; ") };
}

function* atRest(havoq: Havoq): IterableIterator<Look> {
  for (const [id, group] of havoq.kafka?.groups.groups ?? []) {
    const lag = lagOf(havoq, id);
    yield { holds: lag === 0, seen: `group ${id} lags ${lag} behind` };
    yield { holds: group.state === "Stable" || group.state === "Empty", seen: `group ${id} is ${group.state}` };
  }
  for (const vhost of havoq.amqp?.vhosts.values() ?? []) {
    for (const { name, items, consumers } of vhost.queues.values()) {
      if (consumers.count === 0) continue;
      yield { holds: items.ready + items.unacked === 0, seen: `queue ${name} has ${items.ready} messages that wait and ${items.unacked} unacknowledged` };
    }
  }
  for (const { clientId, connected, queued, unacknowledged } of havoq.mqtt?.clients() ?? []) {
    yield { holds: !connected || queued + unacknowledged === 0, seen: `MQTT client ${clientId} has ${queued} messages that wait and ${unacknowledged} unacknowledged` };
  }
}

/** A state in words, for results. */
export function stateText(state: State): string {
  const { group, topic, queue, client, rule, broker, messages, on, ...rest } = state;
  const who =
    group !== undefined ? `group ${group}` : topic !== undefined ? `topic ${topic}` : queue !== undefined ? `queue ${queue}` : client !== undefined ? `client ${client}` :
    rule !== undefined ? `rule ${rule}` : broker !== undefined ? `broker ${broker}` : `${amountText(messages!)} messages${on === undefined ? "" : ` on ${on}`}`;
  const what = Object.entries(rest).filter(([, value]) => value !== undefined).map(([name, value]) => (name === "is" ? `is ${value as string}` : `${name} ${amountText(value as Amount)}`));
  return [who, ...(group !== undefined && topic !== undefined ? [`on ${topic}`] : []), ...what].join(" ");
}

function amountText(amount: Amount): string {
  if (typeof amount === "number") return String(amount);
  const { from, to } = amount;
  return from === undefined ? `up to ${to}` : to === undefined ? `at least ${from}` : `${from} to ${to}`;
}
