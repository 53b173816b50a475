import { flag, text } from "../../core/shape.ts";
import { action, argument } from "../action.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Ends an MQTT session at once, its queue included; false when there is none. */
    expireSession(clientId: string): boolean;
  }
}

export default action({
  name: "expireSession",
  summary: "Ends an MQTT session at once, its queue included",
  protocol: "mqtt",
  takes: [argument("clientId", text)],
  returns: { shape: flag, says: "false when there is none" },
  run: (on, clientId) => on.part("mqtt").expireSession(clientId),
});
