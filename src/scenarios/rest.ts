import type { Havoq } from "../havoq.ts";
import { lagOf } from "../kafka/broker/inspect.ts";
import { look, type Look } from "./states/look.ts";
import type { Converge } from "./grammar.ts";

/** Whether everything has come to rest: the states that the scenario names, or all that can be seen from here. */
export function converged(havoq: Havoq, { states }: Converge, before: (place: string) => number): Look {
  const looks = states === undefined ? [...atRest(havoq)] : states.map((state) => look(havoq, state, before));
  const not = looks.filter(({ holds }) => !holds);
  return { holds: not.length === 0, seen: not.map(({ seen }) => seen).join("; ") };
}

function* atRest(havoq: Havoq): IterableIterator<Look> {
  for (const [id, group] of havoq.kafka?.groups.groups ?? []) {
    const lag = lagOf(group, havoq.kafka!.topics) ?? 0;
    yield { holds: lag === 0, seen: `group ${id} lags ${lag} behind` };
    yield { holds: group.state === "Stable" || group.state === "Empty", seen: `group ${id} is ${group.state}` };
  }
  for (const vhost of havoq.amqp?.vhosts.values() ?? []) {
    for (const { name, items, consumers } of vhost.queues.values()) {
      if (consumers.count === 0) continue;
      yield {
        holds: items.ready + items.unacked === 0,
        seen: `queue ${name} has ${items.ready} messages that wait and ${items.unacked} unacknowledged`,
      };
    }
  }
  for (const { clientId, connected, queued, unacknowledged } of havoq.mqtt?.clients() ?? []) {
    yield {
      holds: !connected || queued + unacknowledged === 0,
      seen: `MQTT client ${clientId} has ${queued} messages that wait and ${unacknowledged} unacknowledged`,
    };
  }
}
