import { flag, text } from "../../core/shape.ts";
import { action, argument } from "../action.ts";
import { group } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Removes a member from a Kafka consumer group, which then rebalances; false when there is none. */
    expelMember(group: string, memberId: string): boolean;
  }
}

export default action({
  name: "expelMember",
  summary: "Removes a member from a Kafka consumer group, which then rebalances",
  protocol: "kafka",
  takes: [group, argument("memberId", text)],
  returns: { shape: flag, says: "false when there is none" },
  run: (on, group, memberId) => on.part("kafka").expelMember(group, memberId),
});
