import { object, optional, whole, word, type Shape } from "../../core/shape.ts";
import { action, fields } from "../action.ts";
import { filter } from "../arguments.ts";

const options = optional(object({ direction: optional(word("in", "out", "both")) }) as Shape<{ direction?: "in" | "out" | "both" }>);
import type { ConnectionFilter } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /**
     * What these clients send no longer arrives (`in`), or what is sent to them (`out`), or neither;
     * nothing is closed, and who connects gets no answer, until `heal`. Returns how many open connections it concerns.
     */
    partition(filter: ConnectionFilter, options?: { direction?: "in" | "out" | "both" }): number;
  }
}

export default action({
  name: "partition",
  summary: "What these clients send no longer arrives, or what is sent to them, or neither (`direction`), until `heal`",
  takes: [filter, fields("options", options)],
  returns: { shape: whole(0), says: "how many open connections it concerns" },
  run: (on, filter, { direction = "both" } = {}) => on.net.partition(filter, direction),
  heal: (on) => void on.net.heal(),
});
