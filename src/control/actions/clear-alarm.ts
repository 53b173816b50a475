import { action } from "../action.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** AMQP: publishers that wait go on. */
    clearAlarm(): void;
  }
}

export default action({
  name: "clearAlarm",
  summary: "AMQP publishers that wait go on",
  protocol: "amqp",
  takes: [],
  run: (on) => on.part("amqp").clearAlarm(),
});
