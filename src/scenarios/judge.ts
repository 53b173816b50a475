import type { Havoq } from "../havoq.ts";
import { placeTest } from "../oracle/oracle.ts";
import { findingText, type Finding, type FindingKind } from "../oracle/report.ts";
import { waitsInVain } from "../rules/waits.ts";
import type { RuleStatus } from "../rules/rules.ts";
import { look, stateText, type Look } from "./states/look.ts";
import type { Expectation } from "./grammar.ts";

/** Whether one expectation holds. */
export interface Verdict {
  readonly text: string;
  readonly passed: boolean;
  /** What was seen. */
  readonly detail: string;
}

type Until = (ms: number, see: () => Look) => Promise<Look>;

/** Expectations in turn, then that every rule fired that was in force and may not stay silent. */
export async function judge(
  havoq: Havoq,
  expect: readonly Expectation[],
  rules: readonly RuleStatus[],
  before: (place: string) => number,
  until: Until,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const one of expect) verdicts.push(await judgeOne(havoq, one, before, until));
  const ids = havoq.rules
    .list()
    .map(({ id }) => id)
    .concat(rules.map(({ id }) => id));
  for (const { id, fired, matched, optional, rule } of rules) {
    if (optional) continue;
    const seen = matched === 0 ? "nothing that it matches happened" : `${matched} times its match was met, but never its when`;
    const detail = fired > 0 ? `${fired} times` : `it never did: ${seen}${waitsInVain(rule, ids)}`;
    verdicts.push({ text: `rule ${id} fires`, passed: fired > 0, detail });
  }
  return verdicts;
}

async function judgeOne(havoq: Havoq, one: Expectation, before: (place: string) => number, until: Until): Promise<Verdict> {
  if (one.state !== undefined) {
    const { state, within = 0 } = one;
    const seen = await until(within, () => look(havoq, state, before));
    return { text: `${stateText(state)}${within === 0 ? "" : ` within ${within} ms`}`, passed: seen.holds, detail: seen.seen };
  }
  if (one.in_order !== undefined) return found(havoq, one.in_order, ["reordering"], "order per key");
  if (one.no_duplicates !== undefined) return found(havoq, one.no_duplicates, ["duplicate"], "no duplicates");
  if (one.no_loss !== undefined) return found(havoq, one.no_loss, ["loss"], "no loss");
  if (one.empty !== undefined) {
    const stored = havoq.oracle!.storedIn(one.empty) - before(one.empty);
    return {
      text: `nothing in ${one.empty}`,
      passed: stored === 0,
      detail: stored === 0 ? "nothing" : `${stored} messages were stored there`,
    };
  }
  const report = havoq.oracle!.report();
  return { text: "the oracle finds nothing", passed: report.clean, detail: report.clean ? "nothing" : told(report.findings) };
}

function found(havoq: Havoq, place: string, kinds: readonly FindingKind[], text: string): Verdict {
  const fits = placeTest(place);
  const findings = havoq
    .oracle!.report()
    .findings.filter((finding) => kinds.includes(finding.kind) && (place === "*" || fits(finding.place, finding.protocol)));
  return {
    text: `${text}${place === "*" ? "" : ` on ${place}`}`,
    passed: findings.length === 0,
    detail: findings.length === 0 ? "as expected" : told(findings),
  };
}

const TOLD = 3;

function told(findings: readonly Finding[]): string {
  const more = findings.length - TOLD;
  return [...findings.slice(0, TOLD).map(findingText), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
