import type { Match, Protocol } from "../../../hooks/plugin.ts";
import { FaultError } from "../../rule.ts";

const ALL: readonly Protocol[] = ["kafka", "mqtt", "amqp"];

/** The protocols that a rule means. */
export function meant(match: Match): readonly Protocol[] {
  return match.protocol === undefined ? ALL : ([match.protocol].flat() as Protocol[]);
}

/** A match for those of the rule's protocols that the fault can serve. Throws FaultError, with the reason, where none is left. */
export function only(protocols: readonly Protocol[], match: Match, why: string): { protocol: Protocol[] } {
  const left = meant(match).filter((protocol) => protocols.includes(protocol));
  if (left.length === 0) throw new FaultError(why);
  return { protocol: left };
}

export function withoutKafka(match: Match, why: string): { protocol: Protocol[] } {
  return only(["mqtt", "amqp"], match, why);
}
