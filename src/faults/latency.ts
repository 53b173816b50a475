import { delay, type At, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

interface Options {
  /** Milliseconds, always the same or drawn evenly from a range. */
  ms: number | { from: number; to: number };
}

/** Messages are late, or the operation that the rule names. */
const latency: Fault = {
  name: "latency",
  summary: "late by { ms } milliseconds, or by { ms: { from, to } }",
  plugin({ ms }: Options, match: Match): Plugin {
    const [from, to] = typeof ms === "object" && ms !== null ? [ms.from, ms.to] : [ms, ms];
    if (typeof from !== "number" || typeof to !== "number" || !(from >= 0 && to >= from)) {
      throw new TypeError("latency takes { ms: 200 } or { ms: { from: 50, to: 500 } }");
    }
    const run = (_event: unknown, at: At) => delay(from === to ? from : at.random.int(from, to));
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default latency;
