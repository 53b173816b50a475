import { duration, object, optional } from "../../core/shape.ts";
import { MATCH_KEYS } from "../../hooks/match.ts";
import { FaultError, type Preset } from "../rule.ts";

interface Options {
  for: number;
  after: number;
}

/**
 * What clients see when two brokers both believe to lead: those of the match are on the losing side. What
 * they write is acknowledged, and gone when the split is over.
 */
const splitBrain: Preset<Options> = {
  name: "split-brain",
  summary: "leaders change { for } a while, and what the clients of the match write meanwhile is acknowledged and lost",
  options: object({ for: optional(duration, 30_000), after: optional(duration, 0) }),
  protocols: ["kafka"],
  goesBy: MATCH_KEYS.filter((key) => key !== "direction"),
  rules({ for: lasts, after }, match) {
    if (match.client === undefined)
      throw new FaultError("split-brain has to know who is on the losing side: match: { client: checkout-* }");
    const { topic } = match;
    const time = { when: { after: `${after}ms` }, for: lasts };
    return [
      { match: { protocol: "kafka" }, ...time, fault: { "leader-change": topic === undefined ? {} : { topic } } },
      { match: { ...match, direction: "in" }, ...time, fault: "drop" },
    ];
  },
};

export default splitBrain;
