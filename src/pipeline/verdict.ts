import type { Final, Later } from "../hooks/chain.ts";
import type { HookPoint } from "../hooks/match.ts";
import type { Close, Drop, Duplicate, Expire, Fail, Hang, Reply, Reroute } from "../hooks/verdicts.ts";

/**
 * What one protocol can do with one kind of subject (an operation on its way in or out, a message, a
 * delivery). Waiting and `replace` are over when one of these is called; each ends what its verdict
 * asks for. `Subject` is the event that the hooks were asked about.
 */
export interface VerdictAdapter<Subject, Result = void> {
  /** No verdict is left: the subject goes on, as the hooks changed it. */
  pass(subject: Subject): Result;
  drop(subject: Subject, verdict: Drop): Result;
  /** An error of the protocol's own, named `verdict.code`. */
  fail(subject: Subject, verdict: Fail): Result;
  /** Answered with `verdict.body`, without being carried out; for a response: sent in its place. */
  reply(subject: Subject, verdict: Reply): Result;
  /** Goes on once, and `verdict.times` more times. */
  duplicate(subject: Subject, verdict: Duplicate): Result;
  reroute(subject: Subject, verdict: Reroute): Result;
  expire(subject: Subject, verdict: Expire): Result;
  /** Goes on when `verdict.go` calls back. */
  later(subject: Subject, verdict: Later): Result;
  /** The connection is closed, or hangs. */
  close(subject: Subject, verdict: Close | Hang): Result;
}

/** The verdicts, beside `pass`, that are left for a protocol to apply at each hook point; `hooks/seam.ts` refuses the others. */
interface Applied {
  connect: "drop" | "fail" | "close";
  disconnect: never;
  request: "drop" | "fail" | "reply" | "close";
  response: "drop" | "fail" | "reply" | "close";
  message: "drop" | "fail" | "duplicate" | "reroute" | "later" | "close";
  delivery: "drop" | "duplicate" | "reroute" | "expire" | "later" | "close";
  bytes: "drop" | "close";
}

/** The adapter of one hook point: only what can come there has to be written. */
export type AdapterAt<Point extends HookPoint, Subject, Result = void> = Pick<VerdictAdapter<Subject, Result>, "pass" | Applied[Point]>;

/** Applies what is left of the hooks' verdicts. The only place that tells one verdict from another on a protocol's behalf. */
export function applyVerdict<Subject, Result>(
  final: Final | null,
  subject: Subject,
  adapter: Pick<VerdictAdapter<Subject, Result>, "pass"> & Partial<VerdictAdapter<Subject, Result>>,
): Result {
  if (final === null) return adapter.pass(subject);
  switch (final.kind) {
    case "drop":
      if (adapter.drop !== undefined) return adapter.drop(subject, final);
      break;
    case "fail":
      if (adapter.fail !== undefined) return adapter.fail(subject, final);
      break;
    case "reply":
      if (adapter.reply !== undefined) return adapter.reply(subject, final);
      break;
    case "duplicate":
      if (adapter.duplicate !== undefined) return adapter.duplicate(subject, final);
      break;
    case "reroute":
      if (adapter.reroute !== undefined) return adapter.reroute(subject, final);
      break;
    case "expire":
      if (adapter.expire !== undefined) return adapter.expire(subject, final);
      break;
    case "later":
      if (adapter.later !== undefined) return adapter.later(subject, final);
      break;
    case "hang":
    case "close":
      if (adapter.close !== undefined) return adapter.close(subject, final);
      break;
  }
  return adapter.pass(subject);
}
