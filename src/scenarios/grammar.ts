import { parseDuration } from "../core/units.ts";
import {
  duration,
  either,
  flag,
  list,
  object,
  optional,
  several,
  shape,
  suggestion,
  text,
  whole,
  word,
  isObject,
  show,
  type Flaw,
  type Path,
  type Shape,
} from "../core/shape.ts";
import { ACTIONS, type Action } from "../control/action-names.ts";
import { compileRule } from "../rules/compile.ts";
import { RuleError, type Rule } from "../rules/rule.ts";
import type { OracleOptions } from "../oracle/oracle.ts";
import { state, type State } from "./states/grammar.ts";

/** When a step's time has come. */
export type Moment = { readonly ms: number } | { readonly messages: number };

export interface Step {
  readonly name?: string | undefined;
  /** Since the scenario began. */
  readonly at?: number | undefined;
  /** Since the step before: a time, or so many messages. */
  readonly after?: Moment | undefined;
  /** The destination whose messages `after` counts; any when left out. */
  readonly on?: string | undefined;
  readonly await?: State[] | undefined;
  /** How long an `await` may take, in milliseconds. */
  readonly within: number;
  readonly apply?: Rule[] | undefined;
  readonly remove?: string[] | undefined;
  readonly enable?: string[] | undefined;
  readonly disable?: string[] | undefined;
  /** All rules of the scenario and of its file. */
  readonly clear?: boolean | undefined;
  readonly raise?: string[] | undefined;
  readonly do?: Deed[] | undefined;
}

/** One use of the control surface. */
export interface Deed {
  readonly action: Action;
  readonly args: readonly unknown[];
}

export interface Expectation {
  /** A state that is reached. */
  readonly state?: State | undefined;
  readonly within?: number | undefined;
  /** Order per key was kept, nothing was stored or delivered twice, nothing lost there; `*` for everywhere. */
  readonly in_order?: string | undefined;
  readonly no_duplicates?: string | undefined;
  readonly no_loss?: string | undefined;
  /** Nothing was ever stored there: for dead letters. */
  readonly empty?: string | undefined;
  /** The oracle found nothing at all. */
  readonly clean?: boolean | undefined;
}

export interface Converge {
  readonly within: number;
  /** In the place of: all lags zero, all queues with consumers drained, all connected subscribers served. */
  readonly states?: State[] | undefined;
}

/** A scenario as it is carried out; `readScenario` makes one of what people write. */
export interface Scenario {
  readonly name: string;
  readonly description?: string | undefined;
  readonly oracle: OracleOptions;
  readonly steps: readonly Step[];
  /** After the last step: no rules, all brokers up, nobody cut off. */
  readonly heal: boolean;
  readonly converge?: Converge | undefined;
  readonly expect: readonly Expectation[];
}

const COUNT = /^\s*(\d+)\s*messages?\s*$/;
const moment: Shape<Moment> = shape(
  'a duration such as "2s", or a count such as "100 messages"',
  { type: ["string", "number"] },
  (value) => {
    const count = COUNT.exec(String(value));
    if (count !== null) return { messages: Number(count[1]) };
    const ms = typeof value === "string" || typeof value === "number" ? parseDuration(value) : null;
    return ms === null ? undefined : { ms };
  },
);

/** Rules are checked whole, and kept as they were written. */
const rule: Shape<Rule> = {
  wants: "a rule",
  schema: { type: "object" },
  read(value, path, flaws) {
    try {
      if (!isObject(value)) flaws.push({ path, message: `expected a rule, not ${show(value)}` });
      else compileRule(value as Rule);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      flaws.push(...error.flaws.map((flaw) => ({ ...flaw, path: [...path, ...flaw.path] })));
    }
    return value as Rule;
  },
};

const deeds: Shape<Deed[]> = {
  wants: "an action with its arguments, such as { killBroker: 2 }, or a list of these",
  schema: { type: ["object", "string", "array"] },
  read(value, path, flaws) {
    const many = Array.isArray(value);
    return (many ? (value as unknown[]) : [value]).flatMap((one, i) => deedsOf(one, many ? [...path, i] : path, flaws));
  },
};

function deedsOf(value: unknown, path: Path, flaws: Flaw[]): Deed[] {
  if (typeof value === "string") return deedsOf({ [value]: null }, path, flaws);
  if (!isObject(value)) {
    flaws.push({ path, message: `expected ${deeds.wants}, not ${show(value)}` });
    return [];
  }
  return Object.entries(value).flatMap(([action, given]): Deed[] => {
    if (!(ACTIONS as readonly string[]).includes(action)) {
      flaws.push({ path: [...path, action], message: `unknown action ${action}: ${suggestion(action, ACTIONS)}` });
      return [];
    }
    const args = given === null || given === true ? [] : Array.isArray(given) ? given : [given];
    if (action === "advance") {
      const ms = parseDuration(args[0] as string);
      if (ms === null) flaws.push({ path: [...path, action], message: `expected ${duration.wants}, not ${show(args[0])}` });
      return [{ action, args: [ms ?? 0] }];
    }
    return [{ action: action as Action, args }];
  });
}

const step: Shape<Step> = object(
  {
    name: optional(text),
    at: optional(duration),
    after: optional(moment),
    on: optional(text),
    await: optional(several(state)),
    within: optional(duration, 30_000),
    apply: optional(several(rule)),
    remove: optional(several(text)),
    enable: optional(several(text)),
    disable: optional(several(text)),
    clear: optional(flag),
    raise: optional(several(text)),
    do: optional(deeds),
  },
  (value, flaw) => {
    const when = (["at", "after", "await"] as const).filter((one) => value[one] !== undefined);
    if (when.length > 1) flaw([when[1]!], `a step has one of at, after and await: make it two steps`);
    if (value.on !== undefined && !(value.after !== undefined && "messages" in value.after))
      flaw(["on"], `on says whose messages after counts: after: 100 messages`);
    const does = (["apply", "remove", "enable", "disable", "clear", "raise", "do"] as const).some((one) => value[one] !== undefined);
    if (!does && when.length === 0) flaw([], "the step waits for nothing and does nothing");
  },
);

const STATED = ["state", "in_order", "no_duplicates", "no_loss", "empty", "clean"] as const;
export const expectation: Shape<Expectation> = object(
  {
    state: optional(state),
    within: optional(duration),
    in_order: optional(text),
    no_duplicates: optional(text),
    no_loss: optional(text),
    empty: optional(text),
    clean: optional(flag),
  },
  (value, flaw) => {
    const named = STATED.filter((one) => value[one] !== undefined);
    if (named.length !== 1) flaw([], `expected one of ${STATED.join(", ")}, not ${named.length === 0 ? "none" : named.join(" and ")}`);
    if (value.within !== undefined && value.state === undefined) flaw(["within"], "within is for a state that is waited for");
  },
);

const oracle = either(
  flag,
  object({
    identity: optional(either(word("content"), object({ header: text }), object({ json: text }))),
    ignore: optional(list(text)),
    messages: optional(whole(1)),
  }),
);

export const scenario = object(
  {
    name: optional(text, "scenario"),
    description: optional(text),
    oracle: optional(oracle, true),
    steps: optional(list(step), []),
    heal: optional(flag, true),
    converge: optional(either(flag, object({ within: optional(duration, 30_000), states: optional(several(state)) }))),
    expect: optional(list(expectation), []),
  },
  (value, flaw) => {
    // Counts, order and expectations are told by its account.
    if (value.oracle === false) flaw(["oracle"], "a scenario keeps account of messages: leave oracle out, or give its options");
  },
);

/** What the shape took, as a scenario. @param expect stands beside it */
export function scenarioOf(read: ReturnType<(typeof scenario)["read"]>, expect: readonly Expectation[] = []): Scenario {
  const { converge, oracle: options } = read;
  const one: Scenario = {
    ...read,
    expect: [...read.expect, ...expect],
    oracle: typeof options === "boolean" ? {} : (options as OracleOptions),
    converge: typeof converge === "boolean" ? (converge ? { within: 30_000 } : undefined) : (converge as Converge | undefined),
  };
  checked.add(one);
  return one;
}

const checked = new WeakSet<object>();

/** Was this made by `scenarioOf`? Else it is as people write it. */
export function isRead(given: unknown): given is Scenario {
  return typeof given === "object" && given !== null && checked.has(given);
}
