import { action } from "../action.ts";
import { broker } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** A broker stops answering without closing anything, as if its process were stopped, until `resumeBroker`. */
    pauseBroker(broker: BrokerName): void;
  }
}

export default action({
  name: "pauseBroker",
  summary: "A broker stops answering without closing anything, as if its process were stopped, until `resumeBroker`",
  takes: [broker],
  run(on, broker) {
    if (typeof broker === "number") return on.part("kafka").pauseBroker(broker);
    on.part(broker);
    on.net.pause({ protocol: broker });
  },
  heal(on) {
    for (const { broker, paused } of on.brokers()) if (paused) on.resume(broker);
  },
});
