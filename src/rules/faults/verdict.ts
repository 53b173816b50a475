import { anything, list, object, optional, record, text, whole, word, type Path } from "../../core/shape.ts";
import { fromJournal } from "../../journal/journal.ts";
import { HOOK_POINTS } from "../../hooks/match.ts";
import type { At, Plugin } from "../../hooks/plugin.ts";
import { perform, revive, type Step } from "../../journal/replay.ts";
import { FaultError, type Fault } from "../rule.ts";
import { ALLOWED } from "../../hooks/seam.ts";
import type { Verdict, VerdictKind } from "../../hooks/verdicts.ts";

interface Answer {
  /** Only on this stream, and there only at the n-th event that the match admits: one entry of a journal. */
  stream: string | undefined;
  nth: number | undefined;
  /** Uses of the control surface, `after` milliseconds each. */
  actions: { action: string; args: unknown[]; after: number }[];
  /** `{ drop: {} }`: a verdict's name with its fields, as the journal has them. */
  answer: Record<string, unknown>;
}

interface Options extends Answer {
  point: (typeof HOOK_POINTS)[number];
  /** In place of one answer several: the first that is meant answers. */
  events: Answer[] | undefined;
}

const KINDS: readonly VerdictKind[] = [
  "delay",
  "hold",
  "drop",
  "fail",
  "reply",
  "replace",
  "duplicate",
  "reroute",
  "reorder",
  "expire",
  "hang",
  "close",
];

const fields = {
  stream: optional(text),
  nth: optional(whole(1)),
  actions: optional(list(object({ action: text, args: optional(list(anything), []), after: optional(whole(0), 0) })), []),
  answer: optional(record(anything), {}),
};

function checkAnswer({ nth, stream, answer, actions }: Answer, flaw: (path: Path, message: string) => void): void {
  if (nth !== undefined && stream === undefined) flaw(["nth"], "nth counts the events of one stream: which?");
  const kinds = Object.keys(answer);
  if (kinds.length > 1 || (kinds.length === 0 && actions.length === 0))
    flaw(["answer"], `expected one of ${KINDS.join(", ")} with its fields`);
  else if (kinds.length === 1 && !KINDS.includes(kinds[0] as VerdictKind))
    flaw(["answer", kinds[0]!], `there is no verdict ${kinds[0]}, but ${KINDS.join(", ")}`);
}

/** Exactly what a hook would answer and do: what `havoq shrink` writes, and whatever no other fault does. */
const verdict: Fault<Options> = {
  name: "verdict",
  summary:
    "at the hook point { point }, of the { stream } only the { nth } event, { actions } of the control surface and a verdict as { answer }, or several of these as { events }",
  options: object({ point: word(...HOOK_POINTS), ...fields, events: optional(list(object(fields, checkAnswer), 1)) }, (options, flaw) => {
    if (options.events === undefined) checkAnswer(options, flaw);
    else if (options.stream !== undefined || options.actions.length > 0 || Object.keys(options.answer).length > 0)
      flaw(["events"], "either events or an answer");
  }),
  plugin({ point, events: several, ...one }): Plugin {
    const events = several ?? [one];
    if (point === "disconnect" && events.some(({ answer }) => Object.keys(answer).length > 0))
      throw new FaultError("a disconnect is only seen: it takes no answer", ["events"]);
    const all = events.map(({ stream, nth, actions, answer }) => {
      const [kind, fields] = Object.entries(answer)[0] ?? [];
      if (kind !== undefined && !ALLOWED[point].has(kind as VerdictKind))
        throw new FaultError(`${point} takes ${[...ALLOWED[point]].join(", ")}, not ${kind}`, [
          several === undefined ? "answer" : "events",
        ]);
      const entry = kind === undefined ? null : { verdict: kind as VerdictKind, detail: fromJournal(fields ?? {}) };
      return { stream, nth, entry, steps: actions.map((step) => ({ ...step, args: fromJournal(step.args) as unknown[] })) };
    });
    const run = (_event: unknown, at: At): Verdict | undefined => {
      for (const { stream, nth, entry, steps } of all) {
        if ((stream !== undefined && at.stream !== stream) || (nth !== undefined && at.ordinal !== nth - 1)) continue;
        perform(steps, at, failed(at));
        return entry === null ? undefined : revive(entry, at);
      }
      return undefined;
    };
    return { [point]: run } as Plugin;
  },
};

const failed =
  (at: At) =>
  (step: Step, error: unknown): void =>
    at.log(`${step.action}: ${error}`);

export default verdict;
