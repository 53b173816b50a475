import { nearest } from "../core/nearest.ts";
import type { At, Match, Plugin } from "./plugin.ts";

/** A fault that ships inside the binary: from its options, a plugin that does it to all that matches. */
export interface Fault {
  readonly name: string;
  /** One line, for lists and errors. */
  readonly summary: string;
  /**
   * The hooks that do it. `match` is the rule's, for faults that act elsewhere when it names an
   * operation; the hooks need not check it. Throws where the options do not fit.
   */
  plugin(options: any, match: Match): Plugin;
}

/** Match + when + fault: one grammar for plugins, files and HTTP. */
export interface Rule {
  name?: string;
  match?: Match;
  when?: {
    /** From 0 to 1; 1 unless told. */
    probability?: number;
  };
  /** The fault's name and its options: `{ latency: { ms: 200 } }`. */
  fault: Record<string, unknown>;
}

const faults = new Map<string, Fault>();

/** Makes faults known to `rule`; the binary does it with its own at start. */
export function registerFaults(list: readonly Fault[]): void {
  for (const fault of list) faults.set(fault.name, fault);
}

/** A rule as a plugin: `export default rule({ match: { topic: "payments.*" }, fault: { drop: {} } })`. */
export function rule({ name, match = {}, when = {}, fault }: Rule): Plugin {
  const [kind, ...more] = Object.keys(fault ?? {});
  if (kind === undefined || more.length > 0) throw new TypeError("fault takes one fault's name with its options, such as { drop: {} }");
  const built = faults.get(kind);
  if (built === undefined) {
    const near = nearest(kind, [...faults.keys()]);
    throw new TypeError(`unknown fault ${kind}: ${near === null ? `there are ${[...faults.keys()].join(", ")}` : `did you mean ${near}?`}`);
  }
  const { probability = 1 } = when;
  if (!(probability >= 0 && probability <= 1)) throw new RangeError(`probability is from 0 to 1, not ${probability}`);
  const plugin: Plugin = { ...(name === undefined ? {} : { name }) };
  for (const [point, given] of Object.entries(built.plugin(fault[kind] ?? {}, match))) {
    const hooks = (Array.isArray(given) ? given : [given]).map((one) => {
      const { match: own = {}, run } = typeof one === "function" ? { run: one } : one;
      return {
        match: { ...match, ...own },
        run: probability === 1 ? run : (event: never, at: At) => (at.random.chance(probability) ? run(event, at) : undefined),
      };
    });
    (plugin as Record<string, unknown>)[point] = hooks;
  }
  return plugin;
}
