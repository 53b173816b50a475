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
  text,
  whole,
  word,
  isObject,
  show,
  type Shape,
  type ValueOf,
} from "../core/shape.ts";
import { actionCalls, type ActionCall } from "../control/action.ts";
import actions from "../control/actions/index.ts";
import { ANY_WORLD, type World } from "../control/world.ts";
import { compileRule } from "../rules/compile.ts";
import { RuleError, type Rule } from "../rules/rule.ts";
import type { OracleOptions } from "../oracle/oracle.ts";
import { state, type State } from "./states/grammar.ts";

/** What a step waits for: a time, or so many messages. */
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
  /** Control actions, in order. */
  readonly do?: ActionCall[] | undefined;
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
const ruleIn = (world: World): Shape<Rule> => ({
  wants: "a rule",
  schema: { type: "object" },
  read(value, path, flaws) {
    try {
      if (!isObject(value)) flaws.push({ path, message: `expected a rule, not ${show(value)}` });
      else compileRule(value as Rule, world);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      flaws.push(...error.flaws.map((flaw) => ({ ...flaw, path: [...path, ...flaw.path] })));
    }
    return value as Rule;
  },
});

const stepIn = (world: World): Shape<Step> =>
  object(
    {
      name: optional(text),
      at: optional(duration),
      after: optional(moment),
      on: optional(text),
      await: optional(several(state)),
      within: optional(duration, 30_000),
      apply: optional(several(ruleIn(world))),
      remove: optional(several(text)),
      enable: optional(several(text)),
      disable: optional(several(text)),
      clear: optional(flag),
      raise: optional(several(text)),
      do: optional(actionCalls(actions, world)),
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

const grammar = (world: World) =>
  object(
    {
      name: optional(text, "scenario"),
      description: optional(text),
      oracle: optional(oracle, true),
      steps: optional(list(stepIn(world)), []),
      heal: optional(flag, true),
      converge: optional(either(flag, object({ within: optional(duration, 30_000), states: optional(several(state)) }))),
      expect: optional(list(expectation), []),
    },
    (value, flaw) => {
      // Counts, order and expectations are told by its account.
      if (value.oracle === false) flaw(["oracle"], "a scenario keeps account of messages: leave oracle out, or give its options");
    },
  );

type Grammar = ReturnType<typeof grammar>;
const grammars = new WeakMap<World, Grammar>();

/** What a scenario must be like. @param world the brokers that its rules and actions may name; without it any */
export function scenarioIn(world: World = ANY_WORLD): Grammar {
  let known = grammars.get(world);
  if (known === undefined) grammars.set(world, (known = grammar(world)));
  return known;
}

/** What the shape took, as a scenario. @param expect stands beside it */
export function scenarioOf(read: ValueOf<Grammar>, expect: readonly Expectation[] = []): Scenario {
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
