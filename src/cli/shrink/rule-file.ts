import { stringify } from "yaml";
import { toJournal } from "../../journal/journal.ts";
import { stepsOf } from "../../journal/replay.ts";
import type { Rule } from "../../rules/rule.ts";
import { describeFault, kindOf } from "../../report/faults.ts";
import { byRule, type FiredFault } from "./faults.ts";

/** What a file of rules is told of the run that it comes from. */
export interface Origin {
  seed: number;
  /** The line that runs the command with the file. */
  repeat: string;
  /** The rules of that run, by id. */
  rules: ReadonlyMap<string, Rule>;
  /** The faults of these rules, by id. */
  kinds: ReadonlyMap<string, string>;
}

/** A chaos file whose rules fire exactly these faults: at the same event of the same stream, the same verdict. */
export function ruleFile(faults: readonly FiredFault[], { seed, repeat, rules, kinds }: Origin): string {
  const head = [
    `What is left of a failing run with seed ${seed}: leave out any of these, and it passes.`,
    ...faults.map((fault) => `  ${words(fault, kinds)}`),
    "The streams hold the names of clients: it takes clients that call themselves the same each time.",
    "",
    repeat,
  ];
  // One rule for each hook: what one rule answers, the next does not count.
  const chaos = byRule(faults).flatMap((group) => ruleOf(group, rules));
  // The line to repeat holds what the user typed, which may be several lines.
  return `${head
    .join("\n")
    .split("\n")
    .map((line) => `# ${line}`.trimEnd())
    .join("\n")}\n${stringify({ chaos }, { lineWidth: 0 })}`;
}

/** `kafka Produce: lose-answer, the 4th on kafka/payments@1#1/Produce` */
export function words({ stream, ordinal, entries, rule }: FiredFault, kinds: ReadonlyMap<string, string>): string {
  const entry = entries.at(-1)!;
  const where = rule === null ? `after ${entry.at} ms` : `the ${nth(ordinal + 1)} on ${stream}`;
  return `${entry.protocol} ${describeFault(kindOf(entry, kinds))}, ${where}`;
}

function ruleOf(faults: readonly FiredFault[], rules: ReadonlyMap<string, Rule>): object[] {
  const { plugin, rule } = faults[0]!;
  if (rule === null) {
    const original = rules.get(plugin);
    if (original === undefined)
      throw new Error(`${plugin} fired by the clock: only a run with its rule, not a journal alone, can be written as rules`);
    return [original];
  }
  const match = Object.keys(rule.match).length > 0 ? { match: plain(rule.match) } : {};
  const events = faults.map(eventOf);
  return [{ name: plugin, ...match, fault: { verdict: { point: rule.point, ...(events.length === 1 ? events[0] : { events }) } } }];
}

function eventOf({ stream, ordinal, entries }: FiredFault): object {
  const steps = stepsOf(entries.filter(({ action }) => action !== undefined));
  const verdict = entries.find(({ action }) => action === undefined);
  const actions = steps.map(({ action, args, after }) => ({ action, args: toJournal(args), ...(after > 0 ? { after } : {}) }));
  return {
    stream,
    nth: ordinal + 1,
    ...(actions.length > 0 ? { actions } : {}),
    ...(verdict === undefined ? {} : { answer: { [verdict.verdict!]: toJournal(verdict.detail ?? {}) } }),
  };
}

/** A match as files have it: regular expressions as `/source/flags`. */
function plain(value: unknown): unknown {
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key, plain(one)]),
  );
}

function nth(n: number): string {
  const ending = n % 100 >= 11 && n % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${ending}`;
}
