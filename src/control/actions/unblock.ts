import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { filter } from "../arguments.ts";
import type { ConnectionFilter } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Reads from and writes to blocked connections again. Returns how many connections the filter means. */
    unblock(filter: ConnectionFilter): number;
  }
}

export default action({
  name: "unblock",
  summary: "Goes on with connections that were blocked",
  takes: [filter],
  returns: { shape: whole(0), says: "how many connections" },
  run(on, filter) {
    const chosen = on.net.connections(filter);
    for (const connection of chosen) connection.unblock();
    return chosen.length;
  },
});
