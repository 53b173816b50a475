import { duration, either, object } from "../core/shape.ts";
import { delay, type At, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

interface Options {
  /** Always the same, or drawn evenly from a range. */
  ms: number | { from: number; to: number };
}

const range = object({ from: duration, to: duration }, ({ from, to }, flaw) => {
  if (to < from) flaw(["to"], "to comes before from");
});

/** Messages are late, or the operation that the rule names. */
const latency: Fault<Options> = {
  name: "latency",
  summary: "late by { ms } milliseconds, or by { ms: { from, to } }",
  options: object({ ms: either(duration, range) }),
  plugin({ ms }, match: Match): Plugin {
    const { from, to } = typeof ms === "object" ? ms : { from: ms, to: ms };
    const run = (_event: unknown, at: At) => delay(from === to ? from : at.random.int(from, to));
    return match.operation === undefined ? { message: run } : { request: run };
  },
};

export default latency;
