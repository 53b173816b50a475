/**
 * What a control action is. Each is one file in `actions/`; everything else goes by the table that
 * `actions/index.ts` makes of them: the methods of `at.broker`, the routes of the HTTP API with their OpenAPI, the
 * `do` of a scenario's steps, the journal, `havoq/testing`, and the clients in other languages.
 *
 * Arguments have an order and names. They are given in one of three forms, and are checked alike in each:
 *
 * | form | where | example |
 * |---|---|---|
 * | in order | `at.broker` | `disconnect({ client: "shop" }, { reset: true })` |
 * | by name | HTTP, `havoq/testing`, a mapping in a scenario | `{ client: shop, reset: true }` |
 * | as written | `do` in a scenario | one value, a list in order, a mapping by name, or `true` for none |
 */
import { flawText, isObject, show, unknownFlaw, type Flaw, type JsonSchema, type Path, type Shape } from "../core/shape.ts";
import { ArgumentError, NotFoundError } from "../core/errors.ts";
import type { ControlActions, Protocol } from "../hooks/plugin.ts";
import type { ActionContext } from "./context.ts";
import type { World } from "./world.ts";

export type ActionName = keyof ControlActions & string;
type ParametersOf<N extends ActionName> = ControlActions[N] extends (...args: infer A) => any ? A : never;
type ReturnOf<N extends ActionName> = ControlActions[N] extends (...args: any[]) => infer R ? R : never;

/** One argument. */
export interface Argument<T = any> {
  readonly name: string;
  readonly shape: Shape<T>;
  /** Of an object: its fields, which by name are given beside the other arguments. */
  readonly fields: readonly string[] | null;
  /** Whether it is also given under its own name. */
  readonly isNamed: boolean;
  /** What a value that fits its shape names that is not there: a broker, a protocol that is switched off. Paths begin at the value. */
  absent?(value: NonNullable<T>, world: World): readonly Flaw[];
}

type ArgumentsOf<P extends readonly unknown[]> = { readonly [I in keyof P]-?: Argument<P[I]> };

interface Common<N extends ActionName> {
  /** The method of `at.broker`; its signature and docstring stand in the same file. */
  readonly name: N;
  /** One line: what it does. It is the summary in OpenAPI. */
  readonly summary: string;
  /** The protocol without which it cannot be done; left out: what it needs depends on its arguments. */
  readonly protocol?: Protocol;
  readonly takes: ArgumentsOf<ParametersOf<N>>;
  run(on: ActionContext, ...args: ParametersOf<N>): ReturnOf<N>;
  /**
   * Undoes what is left of the action, whoever did it. A scenario does this at its end. Left out: nothing lasts,
   * or nothing takes it back.
   */
  heal?(on: ActionContext): void;
}

/** What an action returns; left out where it returns nothing. */
interface Returns<T> {
  readonly shape: Shape<T>;
  /** In words: `how many connections`. */
  readonly says: string;
}

type Definition<N extends ActionName> = Common<N> &
  (ReturnOf<N> extends void | Promise<void> ? { readonly returns?: undefined } : { readonly returns: Returns<ReturnOf<N>> });

/** A control action as everything that goes by the table sees it. */
export interface Action {
  readonly name: ActionName;
  readonly summary: string;
  readonly protocol?: Protocol;
  readonly takes: readonly Argument[];
  readonly returns?: Returns<unknown> | undefined;
  run(on: ActionContext, ...args: unknown[]): unknown;
  heal?(on: ActionContext): void;
}

/** Gives an action its types: the compiler holds its arguments and its result against the method of `at.broker`. */
export function action<const N extends ActionName>(definition: Definition<N>): Action {
  return definition as unknown as Action;
}

export function argument<T>(name: string, shape: Shape<T>, absent?: Argument<T>["absent"]): Argument<T> {
  return { name, shape, fields: null, isNamed: true, ...(absent === undefined ? {} : { absent }) };
}

/** An argument that is an object: by name its fields are given beside the other arguments. */
export function fields<T>(name: string, shape: Shape<T>, absent?: Argument<T>["absent"]): Argument<T> {
  return { ...argument(name, shape, absent), fields: Object.keys((shape.schema["properties"] ?? {}) as object), isNamed: false };
}

/** The same, or as a whole under its own name: `{ client: shop }` and `{ filter: { client: shop } }`. */
export function fieldsOrWhole<T>(name: string, shape: Shape<T>, absent?: Argument<T>["absent"]): Argument<T> {
  return { ...fields(name, shape, absent), isNamed: true };
}

// --- Reading ------------------------------------------------------------------------------------

/** Arguments as they were read. */
export interface ReadArguments {
  /** In order, without what was left out at the end. */
  readonly values: unknown[];
  /** What does not fit. Where there is any, the values are of no use. */
  readonly flaws: readonly Flaw[];
  /** What fits, but names something that is not there. */
  readonly absent: readonly Flaw[];
}

/** In order. @param at the path of the n-th; without it the argument's name */
export function readInOrder(
  action: Action,
  given: readonly unknown[],
  world: World,
  path: Path = [],
  at = (i: number): Path => [...path, action.takes[i]!.name],
): ReadArguments {
  const { takes } = action;
  const flaws: Flaw[] = [];
  const last = given.findLastIndex((one) => one !== undefined);
  if (last >= takes.length) flaws.push({ path, message: tooMany(action, last + 1) });
  const places = takes.map((_, i) => at(i));
  const values = takes.map((one, i) => readOne(one, i <= last ? given[i] : undefined, i <= last ? places[i]! : path, flaws));
  return finished(action, values, places, path, flaws, world);
}

/** By name. */
export function readByName(action: Action, given: Readonly<Record<string, unknown>>, world: World, path: Path = []): ReadArguments {
  const { takes } = action;
  const flaws: Flaw[] = [];
  const own = new Map<Argument, unknown>();
  const beside = new Map<Argument, Record<string, unknown>>();
  for (const [key, value] of Object.entries(given)) {
    const named = takes.find((one) => one.isNamed && one.name === key);
    const holder = takes.find((one) => one.fields?.includes(key));
    if (named !== undefined) own.set(named, value);
    else if (holder !== undefined) beside.set(holder, { ...beside.get(holder), [key]: value });
    else flaws.push(unknownFlaw([...path, key], `unknown key ${key}`, key, namesOf(action)));
  }
  const places: Path[] = [];
  const values = takes.map((one, i) => {
    const fields = beside.get(one);
    const isNamed = (own.get(one) ?? undefined) !== undefined;
    if (isNamed && fields !== undefined)
      flaws.push({
        path: [...path, Object.keys(fields)[0]!],
        message: `${Object.keys(fields)[0]} belongs into ${one.name}, which is there already`,
      });
    places[i] = fields === undefined || isNamed ? [...path, one.name] : path;
    // What is missing is said of the whole, where somebody looks for it.
    return readOne(one, isNamed ? own.get(one) : fields, isNamed || fields !== undefined ? places[i]! : path, flaws);
  });
  return finished(action, values, places, path, flaws, world);
}

/** As it is written in a file: one value, a list in order, a mapping by name; nothing or true for no arguments. */
function readWritten(action: Action, given: unknown, world: World, path: Path): ReadArguments {
  if (given === undefined || given === null || given === true) return readInOrder(action, [], world, path);
  if (Array.isArray(given)) return readInOrder(action, given, world, path, (i) => [...path, i]);
  if (isObject(given)) return readByName(action, given, world, path);
  return readInOrder(action, [given], world, path, () => path);
}

function readOne({ name, shape }: Argument, given: unknown, path: Path, flaws: Flaw[]): unknown {
  if ((given ?? undefined) === undefined && shape.isOptional !== true) {
    flaws.push({ path, message: `${name} is missing: expected ${shape.wants}` });
    return undefined;
  }
  return shape.read(given ?? undefined, path, flaws);
}

function finished({ protocol, takes }: Action, values: unknown[], places: Path[], path: Path, flaws: Flaw[], world: World): ReadArguments {
  const absent: Flaw[] = [];
  if (flaws.length === 0) {
    if (protocol !== undefined) absent.push(...notEnabled(protocol, world, path));
    takes.forEach((one, i) => {
      const value = values[i];
      if (value === undefined || value === null) return;
      for (const flaw of one.absent?.(value, world) ?? []) absent.push({ ...flaw, path: [...places[i]!, ...flaw.path] });
    });
  }
  return { values: values.slice(0, values.findLastIndex((one) => one !== undefined) + 1), flaws, absent };
}

/** The flaw of a protocol that is known to be switched off. */
export function notEnabled(protocol: Protocol, { protocols }: World, path: Path = []): Flaw[] {
  return protocols === undefined || protocols.includes(protocol) ? [] : [{ path, message: `${protocol} is not enabled` }];
}

function tooMany({ name, takes }: Action, count: number): string {
  const names = takes.map((one) => one.name).join(", ");
  const most =
    takes.length === 0 ? "no arguments" : takes.length === 1 ? `one argument, ${names}` : `${takes.length} arguments at most, ${names}`;
  const several = takes.length === 1 && takes[0]!.fields === null ? `: write { ${names}: [...] } for a list` : "";
  return `${name} takes ${most}, not ${count}${several}`;
}

/** All names that arguments are given by. */
function namesOf({ takes }: Action): string[] {
  return takes.flatMap(({ name, fields, isNamed }) => [...(fields ?? []), ...(isNamed ? [name] : [])]);
}

/** The values. Throws ArgumentError where they do not fit, NotFoundError where they name what is not there. */
export function valuesOf(action: Action, { values, flaws, absent }: ReadArguments): unknown[] {
  const said = (list: readonly Flaw[]): string => list.map((flaw) => `${action.name}: ${flawText(flaw)}`).join("\n");
  const near = (list: readonly Flaw[]): string | undefined => list.find(({ didYouMean }) => didYouMean !== undefined)?.didYouMean;
  if (flaws.length > 0) throw new ArgumentError(said(flaws), flaws[0]!.path, near(flaws));
  if (absent.length > 0) throw new NotFoundError(absent.map(({ message }) => message).join("\n"), near(absent));
  return values;
}

// --- Schemas ------------------------------------------------------------------------------------

/** The arguments by name, as JSON Schema. */
export function schemaByName({ takes }: Action): JsonSchema {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  for (const { name, shape, fields, isNamed } of takes) {
    if (isNamed) properties[name] = shape.schema;
    if (fields !== null) Object.assign(properties, shape.schema["properties"]);
    else if (shape.isOptional !== true) required.push(name);
  }
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}), additionalProperties: false };
}

/** What a scenario's step takes for the action, as JSON Schema. */
function schemaWritten(action: Action): JsonSchema {
  const { takes } = action;
  const needed = takes.filter(({ shape }) => shape.isOptional !== true).length;
  const [first] = takes;
  const forms: JsonSchema[] = [
    ...(needed === 0 ? [{ enum: [true, null] }] : []),
    ...(first === undefined || needed > 1 || first.fields !== null ? [] : [first.shape.schema]),
    ...(first === undefined ? [] : [schemaByName(action)]),
    ...(takes.length > 0 ? [{ type: "array", minItems: needed, maxItems: takes.length }] : []),
  ];
  return forms.length === 1 ? forms[0]! : { anyOf: forms };
}

/** One use of a control action. */
export interface ActionCall {
  readonly action: ActionName;
  /** In order. */
  readonly args: readonly unknown[];
}

/** The shape of `do` in a scenario's step: an action's name, a mapping of names to arguments, or a list of these. */
export function actionCalls(table: readonly Action[], world: World): Shape<ActionCall[]> {
  const names = table.map(({ name }) => name);
  const wants = "an action with its arguments, such as { killBroker: 2 }, or a list of these";
  const one: JsonSchema = {
    type: "object",
    minProperties: 1,
    properties: Object.fromEntries(table.map((action) => [action.name, schemaWritten(action)])),
    additionalProperties: false,
  };
  const each: JsonSchema = { anyOf: [{ enum: names }, one] };
  const readEach = (value: unknown, path: Path, flaws: Flaw[]): ActionCall[] => {
    if (typeof value === "string") return readEach({ [value]: null }, path, flaws);
    if (!isObject(value)) {
      flaws.push({ path, message: `expected ${wants}, not ${show(value)}` });
      return [];
    }
    return Object.entries(value).flatMap(([name, given]): ActionCall[] => {
      const at = [...path, name];
      const action = table.find((one) => one.name === name);
      if (action === undefined) {
        flaws.push(unknownFlaw(at, `unknown action ${name}`, name, names));
        return [];
      }
      const read = readWritten(action, given, world, at);
      flaws.push(...read.flaws, ...read.absent);
      return [{ action: action.name, args: read.values }];
    });
  };
  return {
    wants,
    schema: { anyOf: [each, { type: "array", items: each }] },
    read: (value, path, flaws) =>
      Array.isArray(value) ? value.flatMap((one, i) => readEach(one, [...path, i], flaws)) : readEach(value, path, flaws),
  };
}
