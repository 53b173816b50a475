import { anything, list, object, optional, record, text, whole, word } from "../core/shape.ts";
import { fromJournal } from "../hooks/journal.ts";
import { HOOK_POINTS } from "../hooks/match.ts";
import type { At, Plugin } from "../hooks/plugin.ts";
import { perform, revive, type Step } from "../hooks/replay.ts";
import { FaultError, type Fault } from "../hooks/rule.ts";
import type { Verdict, VerdictKind } from "../hooks/verdicts.ts";

interface Options {
  point: (typeof HOOK_POINTS)[number];
  /** Only on this stream, and there only at the n-th event that the match admits: one entry of a journal. */
  stream: string | undefined;
  nth: number | undefined;
  /** Uses of the control surface, `after` milliseconds each. */
  actions: { action: string; args: unknown[]; after: number }[];
  /** `{ drop: {} }`: a verdict's name with its fields, as the journal has them. */
  answer: Record<string, unknown>;
}

const KINDS: readonly VerdictKind[] = ["delay", "hold", "drop", "fail", "reply", "replace", "duplicate", "reroute", "reorder", "expire", "hang", "close"];

/** Exactly what a hook would answer and do: what `havoq shrink` writes, and whatever no other fault does. */
const verdict: Fault<Options> = {
  name: "verdict",
  summary: "at the hook point { point }, of the { stream } only the { nth } event, { actions } of the control surface and a verdict as { answer }",
  options: object(
    {
      point: word(...HOOK_POINTS),
      stream: optional(text),
      nth: optional(whole(1)),
      actions: optional(list(object({ action: text, args: optional(list(anything), []), after: optional(whole(0), 0) })), []),
      answer: optional(record(anything), {}),
    },
    ({ nth, stream, answer, actions }, flaw) => {
      if (nth !== undefined && stream === undefined) flaw(["nth"], "nth counts the events of one stream: which?");
      const kinds = Object.keys(answer);
      if (kinds.length > 1 || (kinds.length === 0 && actions.length === 0)) flaw(["answer"], `expected one of ${KINDS.join(", ")} with its fields`);
      else if (kinds.length === 1 && !KINDS.includes(kinds[0] as VerdictKind)) flaw(["answer", kinds[0]!], `there is no verdict ${kinds[0]}, but ${KINDS.join(", ")}`);
    },
  ),
  plugin({ point, stream, nth, actions, answer }): Plugin {
    if (point === "disconnect" && Object.keys(answer).length > 0) throw new FaultError("a disconnect is only seen: it takes no answer", ["answer"]);
    const [kind, fields] = Object.entries(answer)[0] ?? [];
    const steps = actions.map((step) => ({ ...step, args: fromJournal(step.args) as unknown[] }));
    const run = (_event: unknown, at: At): Verdict | undefined => {
      if (stream !== undefined && at.stream !== stream) return undefined;
      if (nth !== undefined && at.ordinal !== nth - 1) return undefined;
      perform(steps, at, failed(at));
      return kind === undefined ? undefined : revive({ verdict: kind as VerdictKind, detail: fromJournal(fields ?? {}) }, at);
    };
    return { [point]: run } as Plugin;
  },
};

const failed = (at: At) => (step: Step, error: unknown): void => at.log(`${step.action}: ${error}`);

export default verdict;
