import { duration } from "../../core/shape.ts";
import { action, argument } from "../action.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /**
     * Moves the clock of the whole broker on: everything that was due on the way happens. Clients that could be heard
     * are not judged by the time jumped over: they had no chance to say anything in it.
     */
    advance(ms: number): Promise<void>;
  }
}

export default action({
  name: "advance",
  summary: "Moves the brokers' time on: everything that was due on the way happens",
  takes: [argument("ms", duration)],
  run: (on, ms) => on.clock.advance(ms),
});
