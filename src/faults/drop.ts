import { drop, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** Messages are acknowledged and lost, or the operation that the rule names is swallowed. */
const lost: Fault = {
  name: "drop",
  summary: "lost without a trace",
  plugin(_options: object, match: Match): Plugin {
    const run = () => drop();
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default lost;
