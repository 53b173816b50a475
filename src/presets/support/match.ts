import type { Match, Protocol } from "../../hooks/plugin.ts";

/** A match that names nothing that could happen, so that a rule with it goes by time. */
export function onlyProtocol({ protocol }: Match): Match {
  return protocol === undefined ? {} : { protocol };
}

/** The match for each protocol that it admits, with these operations. */
export function within(match: Match, operations: Record<Protocol, string[]>): Match[] {
  const protocols: readonly Protocol[] = [match.protocol ?? (["kafka", "mqtt", "amqp"] as const)].flat();
  return protocols.map((protocol) => ({ ...match, protocol, operation: operations[protocol] }));
}
