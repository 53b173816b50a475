import { flag, object, optional } from "../core/shape.ts";
import { close, drop, type Match, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

interface Options {
  /** Cut the connection in place of the answer, rather than say nothing. */
  cut: boolean;
}

/** Carried out, but the answer never comes: for the operation that the rule names, else for whatever acknowledges a message. */
const loseAnswer: Fault<Options> = {
  name: "lose-answer",
  summary: "carried out, then silence, or with { cut: true } a reset",
  options: object({ cut: optional(flag, false) }),
  plugin({ cut }, match: Match): Plugin {
    const run = () => (cut ? close({ reset: true }) : drop());
    if (match.operation !== undefined) return { response: run };
    return {
      response: (["Produce", "PUBACK", "PUBREC", "basic.ack"] as const).map((operation) => ({ match: { operation }, run })),
    };
  },
};

export default loseAnswer;
