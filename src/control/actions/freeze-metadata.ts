import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { topics } from "../arguments.ts";
import type { Pattern } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Kafka's metadata goes on telling the leaders of now, whatever happens, until `refreshMetadata`; returns how many topics that are. */
    freezeMetadata(topic: Pattern): number;
  }
}

export default action({
  name: "freezeMetadata",
  summary: "Kafka's metadata goes on telling the leaders of now, whatever happens, until `refreshMetadata`",
  protocol: "kafka",
  takes: [topics],
  returns: { shape: whole(0), says: "how many topics" },
  run: (on, topic) => on.part("kafka").freezeMetadata(topic),
  heal: (on) => void on.parts.kafka?.refreshMetadata("*"),
});
