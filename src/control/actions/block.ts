import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { filter } from "../arguments.ts";
import type { ConnectionFilter } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Stops reading from and writing to connections, without closing them, until `unblock`. Returns how many. */
    block(filter: ConnectionFilter): number;
  }
}

export default action({
  name: "block",
  summary: "Stops reading from and writing to connections without closing them, until `unblock`",
  takes: [filter],
  returns: { shape: whole(0), says: "how many connections" },
  run(on, filter) {
    const chosen = on.net.connections(filter);
    for (const connection of chosen) connection.block();
    return chosen.length;
  },
  heal(on) {
    for (const connection of on.net.connections()) connection.unblock();
  },
});
