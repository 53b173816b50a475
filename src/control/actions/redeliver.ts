import { whole } from "../../core/shape.ts";
import type { Protocol } from "../../hooks/plugin.ts";
import { action } from "../action.ts";
import { filter } from "../arguments.ts";
import type { ConnectionFilter } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /**
     * What these clients hold unacknowledged is delivered again. MQTT, AMQP: the connections that hold some are reset.
     * Kafka: group members are expelled, and read again what they did not commit. Returns how many it concerns.
     */
    redeliver(filter: ConnectionFilter): number;
  }
}

export default action({
  name: "redeliver",
  summary: "What these clients hold unacknowledged is delivered again",
  takes: [filter],
  returns: { shape: whole(0), says: "how many clients it concerns" },
  run(on, filter) {
    let concerned = 0;
    for (const [protocol, part] of Object.entries(on.parts)) {
      const connections = on.net.connections(filter).filter((connection) => connection.protocol === (protocol as Protocol));
      concerned += part?.redeliver(connections) ?? 0;
    }
    return concerned;
  },
});
