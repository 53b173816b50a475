import type { Match, Plugin } from "../../../hooks/plugin.ts";

export type Place = "request" | "response" | "message" | "delivery";

const has = (match: Match, ...fields: (keyof Match)[]): boolean => fields.some((field) => match[field] !== undefined);

/**
 * Where a fault strikes that could in several places: at the operation where the rule names one, or a
 * group, which only operations have; else at messages. With `direction: out`, or a queue, on the way out.
 */
export function placeOf(match: Match): Place {
  if (has(match, "operation", "group")) return match.direction === "out" ? "response" : "request";
  return match.direction === "out" || has(match, "queue") ? "delivery" : "message";
}

/** A plugin with one hook, where the rule has it. */
export function at(place: Place, hook: object): Plugin {
  return { [place]: hook } as Plugin;
}

/** The rule is about messages or operations, rather than about connections as such. */
export function namesContent(match: Match): boolean {
  return has(
    match,
    "operation",
    "group",
    "topic",
    "exchange",
    "queue",
    "routingKey",
    "address",
    "key",
    "partition",
    "header",
    "payload",
    "size",
  );
}
