import { object } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { groupsOf, names, picks } from "./support/where.ts";

/** Consumer groups rebalance, as when a member comes or goes. */
const rebalance: Fault<{ group?: string[] | undefined }> = {
  name: "rebalance",
  summary: "Kafka groups { group } rebalance",
  options: object({ group: names }),
  protocols: ["kafka"],
  act({ group }, match, broker) {
    for (const id of groupsOf(broker, picks(group, match.group))) broker.rebalance(id);
  },
};

export default rebalance;
