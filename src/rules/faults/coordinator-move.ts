import { object, optional, whole } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { checkNode, groupsOf, names, picks } from "./support/where.ts";

interface Options {
  group?: string[] | undefined;
  /** Node id; the next one when left out. */
  to?: number | undefined;
}

/** Consumer groups get another coordinator: the old one answers NOT_COORDINATOR, members look for the new one and stay members. */
const coordinatorMove: Fault<Options> = {
  name: "coordinator-move",
  summary: "Kafka groups { group } get another coordinator, or { to } that broker",
  options: object({ group: names, to: optional(whole(1)) }),
  protocols: ["kafka"],
  check: ({ to }, _match, world) => checkNode(to, world, ["to"]),
  act({ group, to }, match, broker) {
    const wanted = groupsOf(broker, picks(group?.length === 1 ? group[0] : group, match.group));
    const before = new Map(broker.groups().map(({ id, coordinator }) => [id, coordinator]));
    for (const id of wanted) broker.moveCoordinator(id, to);
    return () => {
      const up = new Set(
        broker
          .brokers()
          .filter((one) => one.up)
          .map((one) => one.broker),
      );
      for (const id of wanted) if (up.has(before.get(id) ?? -1)) broker.moveCoordinator(id, before.get(id));
    };
  },
};

export default coordinatorMove;
