import { close, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** The connection that sends the message, or asks for the operation that the rule names, is closed instead. */
const disconnect: Fault = {
  name: "disconnect",
  summary: "the connection is closed, or with { reset: true } reset",
  plugin({ reset = false }: { reset?: boolean }, match: Match): Plugin {
    if (typeof reset !== "boolean") throw new TypeError("disconnect takes { reset: true } or { reset: false }");
    const run = () => close({ reset });
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default disconnect;
