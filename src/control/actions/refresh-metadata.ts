import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { topics } from "../arguments.ts";
import type { Pattern } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Kafka's metadata tells the leaders of each moment again; returns how many topics that are. */
    refreshMetadata(topic: Pattern): number;
  }
}

export default action({
  name: "refreshMetadata",
  summary: "Kafka's metadata tells the leaders of each moment again",
  protocol: "kafka",
  takes: [topics],
  returns: { shape: whole(0), says: "how many topics" },
  run: (on, topic) => on.part("kafka").refreshMetadata(topic),
});
