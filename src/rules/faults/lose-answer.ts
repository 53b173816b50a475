import { duration, flag, object, optional } from "../../core/shape.ts";
import { close, drop, hang, type Match, type Operation, type Plugin } from "../../hooks/plugin.ts";
import type { Fault } from "../rule.ts";

/** What acknowledges a message. */
const ACKNOWLEDGEMENTS = ["Produce", "PUBACK", "PUBREC", "basic.ack"] as const;

/**
 * Carried out, but the answer never comes: for the operation that the rule names, else for whatever
 * acknowledges a message. Kafka answers in order, so that after a lost answer nothing more comes on that
 * connection, until it is reset.
 */
const loseAnswer: Fault<{ cut: boolean; ms?: number | undefined }> = {
  name: "lose-answer",
  summary:
    "carried out, then silence (Kafka: on the whole connection, which is reset after { ms: 30s }), or with { cut: true } a reset at once",
  options: object({ cut: optional(flag, false), ms: optional(duration) }, ({ cut, ms }, flaw) => {
    if (cut && ms !== undefined) flaw(["ms"], "with cut the connection is reset at once");
  }),
  plugin({ cut, ms = 30_000 }, match: Match): Plugin {
    const run = ({ protocol }: Operation) =>
      cut ? close({ reset: true }, "lose-answer") : protocol === "kafka" ? hang(ms, "lose-answer") : drop("lose-answer");
    if (match.operation !== undefined || match.group !== undefined) return { response: run };
    return { response: ACKNOWLEDGEMENTS.map((operation) => ({ match: { operation }, run })) };
  },
};

export default loseAnswer;
