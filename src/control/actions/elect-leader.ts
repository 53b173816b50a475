import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { node, partition, topic } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Makes `broker`, or the next replica in line, the leader of a Kafka partition and returns its node id. */
    electLeader(topic: string, partition: number, broker?: number): number;
  }
}

export default action({
  name: "electLeader",
  summary: "Makes `broker`, or the next in-sync replica in line, the leader of a Kafka partition",
  protocol: "kafka",
  takes: [topic, partition, node],
  returns: { shape: whole(1), says: "its node id" },
  run: (on, topic, partition, broker) => on.part("kafka").electLeader(topic, partition, broker),
});
