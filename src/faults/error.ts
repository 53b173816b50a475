import { fail, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** Answered with one of the protocol's own errors, without being carried out. */
const error: Fault = {
  name: "error",
  summary: "answered with the protocol's error { code }",
  plugin({ code }: { code: string }, match: Match): Plugin {
    if (typeof code !== "string" || code === "") throw new TypeError('error takes { code }, such as { code: "NOT_LEADER_OR_FOLLOWER" }');
    const run = () => fail(code as never);
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default error;
