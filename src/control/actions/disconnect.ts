import { flag, object, optional, whole, type Shape } from "../../core/shape.ts";
import { action, fields } from "../action.ts";
import { filter } from "../arguments.ts";

const options = optional(object({ reset: optional(flag) }) as Shape<{ reset?: boolean }>);
import type { ConnectionFilter } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Closes connections and returns how many: FIN, or RST with `reset`. */
    disconnect(filter: ConnectionFilter, options?: { reset?: boolean }): number;
  }
}

export default action({
  name: "disconnect",
  summary: "Closes connections: FIN, or RST with `reset`",
  takes: [filter, fields("options", options)],
  returns: { shape: whole(0), says: "how many connections" },
  run(on, filter, { reset = false } = {}) {
    const chosen = on.net.connections(filter);
    for (const connection of chosen) connection.abort(reset);
    return chosen.length;
  },
});
