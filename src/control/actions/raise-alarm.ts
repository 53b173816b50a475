import { action } from "../action.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** AMQP: publishers wait, as when a RabbitMQ is low on memory, until `clearAlarm`. */
    raiseAlarm(): void;
  }
}

export default action({
  name: "raiseAlarm",
  summary: "AMQP publishers wait, as when a RabbitMQ is low on memory, until `clearAlarm`",
  protocol: "amqp",
  takes: [],
  run: (on) => on.part("amqp").raiseAlarm(),
  heal: (on) => on.parts.amqp?.clearAlarm(),
});
