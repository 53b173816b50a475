import { flag, object, optional } from "../core/shape.ts";
import { close, drop, hang, type Match, type Operation, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** What acknowledges a message. */
const ACKNOWLEDGEMENTS = ["Produce", "PUBACK", "PUBREC", "basic.ack"] as const;

/**
 * Carried out, but the answer never comes: for the operation that the rule names, else for whatever
 * acknowledges a message. Kafka answers in order: after a lost answer nothing comes on that connection.
 */
const loseAnswer: Fault<{ cut: boolean }> = {
  name: "lose-answer",
  summary: "carried out, then silence, or with { cut: true } a reset",
  options: object({ cut: optional(flag, false) }),
  plugin({ cut }, match: Match): Plugin {
    const run = ({ protocol }: Operation) =>
      cut ? close({ reset: true }, "lose-answer") : protocol === "kafka" ? hang("lose-answer") : drop("lose-answer");
    if (match.operation !== undefined || match.group !== undefined) return { response: run };
    return { response: ACKNOWLEDGEMENTS.map((operation) => ({ match: { operation }, run })) };
  },
};

export default loseAnswer;
