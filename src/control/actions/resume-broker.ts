import { action } from "../action.ts";
import { broker } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** A broker that was paused goes on. */
    resumeBroker(broker: BrokerName): void;
  }
}

export default action({
  name: "resumeBroker",
  summary: "A broker that was paused goes on",
  takes: [broker],
  run: (on, broker) => on.resume(broker),
});
