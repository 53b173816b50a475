import { flag } from "../../core/shape.ts";
import { action } from "../action.ts";
import { group } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Lets a Kafka consumer group rebalance; false when it has no members. */
    rebalance(group: string): boolean;
  }
}

export default action({
  name: "rebalance",
  summary: "Lets a Kafka consumer group rebalance",
  protocol: "kafka",
  takes: [group],
  returns: { shape: flag, says: "false when it has no members" },
  run: (on, group) => on.part("kafka").rebalance(group),
});
