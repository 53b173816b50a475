import { drop, type Match, type Plugin } from "../hooks/plugin.ts";
import { noOptions, type Fault } from "../hooks/rule.ts";

/** Messages are acknowledged and lost, or the operation that the rule names is swallowed. */
const lost: Fault = {
  name: "drop",
  summary: "lost without a trace",
  options: noOptions,
  plugin(_options, match: Match): Plugin {
    const run = () => drop();
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default lost;
