import { flag, object, optional } from "../core/shape.ts";
import { close, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** The connection that sends the message, or asks for the operation that the rule names, is closed instead. */
const disconnect: Fault<{ reset: boolean }> = {
  name: "disconnect",
  summary: "the connection is closed, or with { reset: true } reset",
  options: object({ reset: optional(flag, false) }),
  plugin({ reset }, match: Match): Plugin {
    const run = () => close({ reset });
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default disconnect;
