import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { group, node } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Makes `broker`, or the next one, the coordinator of a Kafka group and returns its node id. */
    moveCoordinator(group: string, broker?: number): number;
  }
}

export default action({
  name: "moveCoordinator",
  summary: "Makes `broker`, or the next one, the coordinator of a Kafka group",
  protocol: "kafka",
  takes: [group, node],
  returns: { shape: whole(1), says: "its node id" },
  run: (on, group, broker) => on.part("kafka").moveCoordinator(group, broker),
});
