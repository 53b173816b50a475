import { whole } from "../../core/shape.ts";
import { action } from "../action.ts";
import { optionalFilter } from "../arguments.ts";
import type { ConnectionFilter } from "../../hooks/plugin.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Ends the partitions with this filter, or all; returns how many. */
    heal(filter?: ConnectionFilter): number;
  }
}

export default action({
  name: "heal",
  summary: "Ends the partitions with this filter, or all",
  takes: [optionalFilter],
  returns: { shape: whole(0), says: "how many partitions" },
  run: (on, filter) => on.net.heal(filter),
});
