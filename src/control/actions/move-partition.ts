import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { node, partition, topic } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /**
     * Gives the leader's place among a Kafka partition's replicas to `broker`, or the next one that is up, which
     * then leads; returns its node id.
     */
    movePartition(topic: string, partition: number, broker?: number): number;
  }
}

export default action({
  name: "movePartition",
  summary: "Gives the leader's place among a Kafka partition's replicas to `broker`, or the next one that is up, which then leads",
  protocol: "kafka",
  takes: [topic, partition, node],
  returns: { shape: whole(1), says: "its node id" },
  run: (on, topic, partition, broker) => on.part("kafka").movePartition(topic, partition, broker),
});
