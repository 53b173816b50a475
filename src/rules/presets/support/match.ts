import { compileMatch } from "../../../hooks/match.ts";
import type { Match, Protocol } from "../../../hooks/plugin.ts";

/** A match that names nothing that could happen, so that a rule with it goes by time. */
export function onlyProtocol({ protocol }: Match): Match {
  return protocol === undefined ? {} : { protocol };
}

/**
 * The match for each protocol that it admits, with these operations at this point; a protocol that does not have
 * what it asks for is left out.
 */
export function within(match: Match, point: "request" | "response", operations: Record<Protocol, string[]>): Match[] {
  const protocols: readonly Protocol[] = [match.protocol ?? (["kafka", "mqtt", "amqp"] as const)].flat();
  const all = protocols.map((protocol) => ({ ...match, protocol, operation: operations[protocol] }));
  const possible = all.filter((one) => compileMatch(one, point, one.protocol) !== null);
  return possible.length === 0 ? all : possible;
}
