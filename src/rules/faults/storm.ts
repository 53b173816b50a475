import type { Timer } from "../../core/time.ts";
import { duration, object, optional, several, text, whole, word } from "../../core/shape.ts";
import { FaultError, type Fault } from "../rule.ts";
import { filterOf, groupsOf, picks } from "./support/where.ts";

interface Options {
  of: "connections" | "rebalances" | "redeliveries";
  /** Milliseconds from one to the next. */
  every: number;
  /** Whom it meets; the clients of the rule's match when left out. */
  client?: string[] | undefined;
  user?: string[] | undefined;
  /** How often; until it is over when left out. */
  times?: number | undefined;
}

/** The same trouble again and again: all connections are cut at once, groups rebalance, or what is unacknowledged is delivered again. */
const storm: Fault<Options> = {
  name: "storm",
  summary:
    "again and { every } time again all connections are cut; { of: rebalances }: Kafka groups rebalance; { of: redeliveries }: what is unacknowledged comes again",
  options: object(
    {
      of: optional(word("connections", "rebalances", "redeliveries"), "connections"),
      every: optional(duration, 1000),
      times: optional(whole(1)),
      client: optional(several(text)),
      user: optional(several(text)),
    },
    ({ of, client, user }, flaw) => {
      if (of === "rebalances" && client !== undefined) flaw(["client"], "groups rebalance, not clients: the rule's match names the group");
      if (of === "rebalances" && user !== undefined) flaw(["user"], "groups rebalance, not users: the rule's match names the group");
    },
  ),
  check({ of }, { protocol }) {
    if (of === "rebalances" && protocol !== undefined && ![protocol].flat().includes("kafka"))
      throw new FaultError("only Kafka has groups that rebalance", ["of"]);
  },
  act({ of, every, times = Infinity, client, user }, match, broker, { clock }) {
    const filter = filterOf({ ...match, ...(client && { client }), ...(user && { user }) });
    let timer: Timer | null = null;
    const blow = (left: number): void => {
      if (of === "connections") broker.disconnect(filter, { reset: true });
      else if (of === "redeliveries") broker.redeliver(filter);
      else for (const group of groupsOf(broker, picks(undefined, match.group))) broker.rebalance(group);
      timer = left > 1 ? clock.after(every, () => blow(left - 1)) : null;
    };
    blow(times);
    return () => timer?.cancel();
  },
};

export default storm;
