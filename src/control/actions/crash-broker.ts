import { duration, flag, object, optional, whole, type Shape } from "../../core/shape.ts";
import type { Unflushed } from "../../hooks/plugin.ts";
import { action, fields } from "../action.ts";
import { broker } from "../arguments.ts";
import killBroker from "./kill-broker.ts";

const unflushed = optional(object({ records: optional(whole(0)), ms: optional(duration), unclean: optional(flag) }) as Shape<Unflushed>);

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /**
     * A broker goes away without what it had not written to its disk; it stays down until `restartBroker`. Returns how
     * many messages are lost.
     */
    crashBroker(broker: BrokerName, unflushed?: Unflushed): number;
  }
}

export default action({
  name: "crashBroker",
  summary: "A broker goes away without what it had not written to its disk; it is down until `restartBroker`",
  takes: [broker, fields("unflushed", unflushed)],
  returns: { shape: whole(0), says: "how many messages are lost" },
  run: (on, broker, unflushed = {}) =>
    typeof broker === "number" ? on.part("kafka").crashBroker(broker, unflushed) : on.die(broker, unflushed),
  heal: (on) => killBroker.heal!(on),
});
