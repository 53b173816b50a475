import { object, text } from "../core/shape.ts";
import { fail, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** Answered with one of the protocol's own errors, without being carried out. */
const error: Fault<{ code: string }> = {
  name: "error",
  summary: "answered with the protocol's error { code }",
  options: object({ code: text }),
  plugin({ code }, match: Match): Plugin {
    const run = () => fail(code as never);
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default error;
