import { ANY_WORLD } from "../control/world.ts";
import { check, ShapeError, unknownFlaw, type Flaw, type Path } from "../core/shape.ts";
import { compileMatch, compilePattern, HOOK_POINTS, type HookPoint } from "../hooks/match.ts";
import type { Hook, Match, OneHook, Plugin, Protocol } from "../hooks/plugin.ts";
import { ASIDE, FaultError, knownFaults, knownPresets, RuleError, type Fault, type Rule, type World } from "./rule.ts";
import { Action } from "./action.ts";
import { COMINGS, readRule, type RuleRead } from "./grammar.ts";
import { Gate } from "./gate.ts";
import { operationsOf } from "../hooks/operations.ts";

export const PROTOCOLS: readonly Protocol[] = ["kafka", "mqtt", "amqp"];
/** Presets may be made of presets, but not of themselves. */
const DEEPEST = 5;

type AnyHook = OneHook<any, any>;
type Hooks = Partial<Record<HookPoint, AnyHook[]>>;

/** One fault of a rule; a preset has several. */
export interface Part {
  readonly name: string | undefined;
  readonly gate: Gate;
  /** For a fault that acts on the brokers. */
  readonly action: Action | null;
}

/** A rule that was checked, as the plugin that carries it out. */
export interface CompiledRule {
  readonly rule: RuleRead;
  /** As it was written. */
  readonly given: Rule;
  readonly plugin: Plugin;
  readonly parts: readonly Part[];
  /** The fault's or preset's name. */
  readonly kind: string;
}

const compiled = new WeakMap<Plugin, CompiledRule>();

/** The rule behind a plugin that `rule` made; undefined for any other. */
export function ruleOf(plugin: Plugin): CompiledRule | undefined {
  return compiled.get(plugin);
}

/** Checks a rule and makes its hooks. Throws RuleError. */
export function compileRule(given: Rule, world: World = ANY_WORLD, depth = 0): CompiledRule {
  const flaws: Flaw[] = [];
  const rule = readRule(given, flaws);
  if (flaws.length > 0) throw new RuleError(flaws);
  const { name, match = {} } = rule;
  mustExist(match, world, ["match"]);
  const [kind, hooks, parts] = rule.fault !== undefined ? faultParts(rule, world) : presetParts(rule, world, depth);
  const plugin: Plugin = { ...(name === undefined ? {} : { name }) };
  for (const point of HOOK_POINTS) if (hooks[point] !== undefined) (plugin as Record<string, unknown>)[point] = hooks[point];
  const whole: CompiledRule = { rule, given, plugin, parts, kind };
  compiled.set(plugin, whole);
  return whole;
}

function faultParts(rule: RuleRead, world: World): [string, Hooks, Part[]] {
  const { match = {}, when } = rule;
  const { name: kind, options: given } = rule.fault!;
  const fault = knownFaults().get(kind);
  if (fault === undefined) throw new RuleError([unknownFlaw(["fault", kind], `unknown fault ${kind}`, kind, [...knownFaults().keys()])]);
  const options = optionsOf(["fault", kind], fault, given);
  const narrowed = inProtocols(match, fault);
  const gate = new Gate(when, fault.act === undefined ? (rule.for ?? Infinity) : Infinity);
  const hooks: Hooks = {};
  let action: Action | null = null;
  if (fault.act !== undefined) {
    try {
      fault.check?.(options, narrowed, world);
    } catch (error) {
      throw faultFlaw(["fault", kind], error);
    }
    action = new Action(rule, fault, options, narrowed, gate);
    for (const [point, hook] of action.hooks()) add(hooks, point, hook);
  } else {
    let plugin: Plugin;
    try {
      plugin = fault.plugin!(options, narrowed);
    } catch (error) {
      throw faultFlaw(["fault", kind], error);
    }
    for (const point of HOOK_POINTS) {
      const at = plugin[point] as Hook<any, any> | undefined;
      if (at !== undefined) for (const hook of (Array.isArray(at) ? at : [at]) as AnyHook[]) add(hooks, point, gated(hook, narrowed, gate));
    }
  }
  // What goes by the clock meets nothing.
  if (action === null || HOOK_POINTS.some((point) => hooks[point] !== undefined)) mustBePossible(hooks, match, kind);
  mustCount(hooks, when);
  for (const [mark, path] of [
    [gate.after, "after"],
    [gate.until, "until"],
  ] as const) {
    const watched = mark?.moment.match;
    if (watched === undefined) continue;
    mustExist(watched, world, ["when", path, "match"]);
    const point = COMINGS.get(watched);
    if (isImpossible(watched, point ?? pointOf(watched)))
      throw flawed(["when", path, "match"], `nothing can match: ${whyNot(watched, [point ?? pointOf(watched)])}`);
    const hook: AnyHook = { match: watched, run: () => void mark!.seen++ };
    // What names neither an operation nor anything of a message is watched where messages come in.
    add(
      hooks,
      point ?? pointOf(watched),
      action === null ? hook : { match: watched, run: (_event, at) => (mark!.seen++, action!.look(at)) },
    );
  }
  return [kind, hooks, [{ name: rule.name, gate, action }]];
}

function presetParts(rule: RuleRead, world: World, depth: number): [string, Hooks, Part[]] {
  const { match = {} } = rule;
  const { name: kind, options: given } = rule.preset!;
  const preset = knownPresets().get(kind);
  const path = ["preset", kind];
  if (preset === undefined) throw new RuleError([unknownFlaw(path, `unknown preset ${kind}`, kind, [...knownPresets().keys()])]);
  if (rule.when !== undefined || rule.for !== undefined) throw flawed(["preset"], "a preset has its own when and for in its rules");
  if (depth >= DEEPEST) throw flawed(path, "presets are made of presets too deep");
  const { goesBy } = preset;
  const [strange] = goesBy === undefined ? [] : named(match).filter((key) => !goesBy.includes(key));
  if (strange !== undefined) throw flawed(["match", strange], `${kind} does not go by ${strange}, but by ${goesBy!.join(", ")} only`);
  const options = optionsOf(path, preset, given);
  const hooks: Hooks = {};
  const parts: Part[] = [];
  let made: Rule[];
  try {
    made = preset.rules(options, inProtocols(match, preset), world);
  } catch (error) {
    throw faultFlaw(path, error);
  }
  // What does not fit in a rule that the preset makes stands in the preset, or in the match that both have.
  const partOf = (one: Rule): CompiledRule => {
    try {
      return compileRule(one, world, depth + 1);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new RuleError(error.flaws.map((flaw) => (flaw.path[0] === "match" ? flaw : { ...flaw, path })));
    }
  };
  for (const one of made) {
    const part = partOf(one);
    parts.push(...part.parts);
    for (const point of HOOK_POINTS) for (const hook of (part.plugin[point] ?? []) as AnyHook[]) add(hooks, point, hook);
  }
  return [kind, hooks, parts];
}

function add(hooks: Hooks, point: HookPoint, hook: AnyHook): void {
  (hooks[point] ??= []).push(hook);
}

function optionsOf(path: Path, fault: Pick<Fault, "options">, given: unknown): unknown {
  try {
    return check(fault.options, given);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new RuleError(error.flaws.map((flaw) => ({ ...flaw, path: [...path, ...flaw.path] })));
  }
}

/** The match with the protocols that the fault can act in. */
function inProtocols(match: Match, { name, protocols }: Pick<Fault, "name" | "protocols">): Match {
  if (protocols === undefined) return match;
  const asked = match.protocol === undefined ? PROTOCOLS : [match.protocol].flat();
  const both = asked.filter((protocol) => protocols.includes(protocol as Protocol)) as Protocol[];
  if (both.length === 0) throw flawed(["match", "protocol"], `${name} acts in ${protocols.join(" and ")} only`);
  return { ...match, protocol: both.length === 1 ? both[0]! : both };
}

/** A hook of a fault under the rule's match and `when`. */
function gated(hook: AnyHook, match: Match, gate: Gate): AnyHook {
  const { match: own = {}, run } = typeof hook === "function" ? { run: hook } : hook;
  if (ASIDE in hook) return { match: { ...(match.protocol === undefined ? {} : { protocol: match.protocol }), ...own }, run };
  return {
    match: { ...match, ...own },
    run: (event, at) => {
      if (!gate.passes(event, at)) return undefined;
      const verdict: unknown = run(event, at);
      if (verdict === undefined) gate.takeBack(event);
      return verdict as never;
    },
  };
}

/** Where an event that a match admits is first to be seen. */
export function pointOf(match: Match): HookPoint {
  const has = (...fields: (keyof Match)[]): boolean => fields.some((field) => match[field] !== undefined);
  if (has("operation", "group")) return match.direction === "out" ? "response" : "request";
  if (match.direction === "out" || has("queue")) return "delivery";
  if (match.direction === "in" || has("topic", "exchange", "address", "routingKey", "key", "partition", "header", "payload", "size"))
    return "message";
  return "connect";
}

/** A rule that nothing can ever meet is a mistake: somebody waits for it. */
function mustBePossible(hooks: Hooks, match: Match, kind: string): void {
  const points = HOOK_POINTS.filter((point) => hooks[point]?.some((hook) => !(ASIDE in hook)));
  if (points.some((point) => hooks[point]!.some((hook) => !(ASIDE in hook) && !isImpossible(matchOf(hook), point)))) return;
  const acts = points.length === 0 ? "" : `${kind} acts on each ${points.join(", ")}, and `;
  throw flawed(["match"], `nothing can match: ${acts}${whyNot(match, points)}`);
}

function isImpossible(match: Match, point: HookPoint): boolean {
  return PROTOCOLS.every((protocol) => compileMatch(match, point, protocol) === null);
}

function matchOf(hook: AnyHook): Match {
  return typeof hook === "function" ? {} : (hook.match ?? {});
}

/** What the match names, in words: the protocols with what they do not have, or what they call it. */
function whyNot(match: Match, points: readonly HookPoint[]): string {
  const { protocol, operation } = match;
  const asked = named(match).filter((key) => key !== "protocol");
  const where = protocol === undefined ? "there" : `in ${[protocol].flat().join(", ")}`;
  const said = operation === undefined ? "" : ` at ${[operation].flat().join(", ")}`;
  const one = points.length === 1 ? points[0]! : null;
  const sent =
    operation !== undefined && (one === "request" || one === "response") && isImpossible({ operation, ...(protocol && { protocol }) }, one);
  if (sent)
    return one === "request"
      ? `no client sends ${[operation].flat().join(", ")}: what the broker says takes direction: out`
      : `the broker does not answer with ${[operation].flat().join(", ")}`;
  return `${where} is no ${asked.filter((key) => key !== "operation").join(" with ") || "such thing"}${said}`;
}

function named(match: Match): (keyof Match)[] {
  return (Object.keys(match) as (keyof Match)[]).filter((key) => match[key] !== undefined);
}

/** Operations and brokers that there are not. */
function mustExist({ operation, protocol, broker }: Match, { brokers }: World, path: Path): void {
  const far = [broker ?? []].flat().find((one) => one < 1 || one > brokers);
  if (far !== undefined)
    throw flawed([...path, "broker"], `there is no broker ${far}: ${brokers === 1 ? "Kafka has one, 1" : `Kafka's are 1 to ${brokers}`}`);
  if (operation === undefined) return;
  const protocols = protocol === undefined ? PROTOCOLS : ([protocol].flat() as Protocol[]);
  const known = protocols.flatMap((one) => {
    const table = operationsOf(one);
    return table === null ? [] : [...new Set([...table.request.keys(), ...table.response.keys()])];
  });
  if (known.length === 0) return;
  for (const one of [operation].flat()) {
    if (known.some(compilePattern(one, false))) continue;
    if (protocols.some((name) => operationsOf(name)?.deliveries.includes(String(one))))
      throw flawed([...path, "operation"], `${one} is a delivery: say direction: out, or name a queue, and no operation`);
    const what = `${protocols.join(", ")} ${protocols.length > 1 ? "have" : "has"} no operation ${one}`;
    throw new RuleError([unknownFlaw([...path, "operation"], what, String(one), known)]);
  }
}

/** What is counted or waited for has to be there where the rule acts. */
function mustCount(hooks: Hooks, when: RuleRead["when"]): void {
  const has = (points: readonly HookPoint[], ...protocols: Protocol[]): boolean =>
    points.some((point) =>
      hooks[point]?.some((hook) => protocols.some((protocol) => compileMatch(matchOf(hook), point, protocol) !== null)),
    );
  if (HOOK_POINTS.every((point) => hooks[point] === undefined)) return;
  if (when?.per === "key" && !has(["message", "delivery"], "kafka", "amqp"))
    throw flawed(["when", "per"], "there are no keys where this acts: only messages of Kafka and AMQP have them");
  const moments = { after: when?.after, until: when?.until, "window.0": when?.window?.from, "window.1": when?.window?.to };
  for (const [name, moment] of Object.entries(moments)) {
    if (moment?.offset !== undefined && !has(["delivery"], "kafka"))
      throw flawed(["when", ...name.split(".")], "only deliveries of Kafka have an offset: match: { protocol: kafka, direction: out }");
  }
}

function flawed(path: Path, message: string): RuleError {
  return new RuleError([{ path, message }]);
}

/** What a fault or preset threw about its options, with its place in the rule. */
function faultFlaw(path: Path, error: unknown): RuleError {
  if (!(error instanceof FaultError)) return flawed(path, (error as Error).message);
  return new RuleError([{ path: [...path, ...error.path], message: error.message, didYouMean: error.didYouMean }]);
}
