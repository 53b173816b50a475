import { action } from "../action.ts";
import { broker } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** A broker that is down comes back; one that is up goes down first. */
    restartBroker(broker: BrokerName): void;
  }
}

export default action({
  name: "restartBroker",
  summary: "A broker that is down comes back; one that is up goes down first",
  takes: [broker],
  run: (on, broker) => on.restart(broker),
});
