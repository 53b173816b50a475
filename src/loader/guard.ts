import { HookTimeout, type Guard, type InstalledHook, type Run } from "../hooks/seam.ts";
import type { Place, PluginSource } from "./source.ts";

/** Calls hooks as they are: for tests, and for plugins that are trusted to come back. */
export const plainGuard: Guard = {
  call: (run, event, at) => run(event, at),
  resume: (_run, work, failed) => {
    try {
      work();
    } catch (error) {
      failed(error);
    }
  },
  outside: (work) => work(),
  admit: () => {},
  locate: (error, hook) => say(hook.plugin.file, null, messageOf(error)),
};

/** How many calls of a hook that timed out are watched more closely, to find the line where it is stuck. */
const WATCHED = 1000;
/** Of the time of a call, what must be left to begin something that must not be cut: a fifth. */
const RESERVE = 0.2;

/**
 * Interrupts what does not come back. Each call runs in a region of `node:vm` with a time limit, which
 * JavaScriptCore enforces in loops, at function entries and in the loops of its own builtins: about a
 * microsecond a call. The plugin can't catch it, and its `finally` blocks don't run.
 *
 * What it can't reach:
 * - one long call into native code that has no such check (`JSON.parse` of hundreds of megabytes,
 *   `Bun.sleepSync`, synchronous files and processes) is interrupted only when it returns;
 * - what follows an `await` of something of the plugin's own: a `fetch`, a `setTimeout`, a file. What
 *   follows an `await` of `at.clock` or `at.broker` is guarded, and so are the functions given to them;
 * - the regular expressions in a `match`.
 *
 * The limit is time on the wall: a machine that stands still makes a call time out. So one time-out is
 * only reported, and several switch a plugin off (`FailurePolicy`).
 *
 * When what follows an `await` is interrupted, microtasks that it had already set off are lost with it.
 */
export class TimedGuard implements Guard {
  /** Where the hooks of each plugin come from, by the plugin's file; the loader fills it. */
  readonly sources = new Map<string, PluginSource>();
  /** When the innermost call that runs now has to be back, in nanoseconds; 0: none runs. */
  private deadline = 0;
  /** How long that call was given, in milliseconds. */
  private span = 0;
  private waiting: (() => void)[] = [];
  private readonly suspects = new WeakMap<Run, number>();
  private suspicious = false;

  constructor(private readonly limit = 250) {
    load();
  }

  call(run: Run, event: unknown, at: unknown): unknown {
    return this.hold(run, run, event, at);
  }

  resume(run: Run, work: () => void, failed: (error: unknown) => void): void {
    if (this.deadline !== 0) {
      queueMicrotask(() => this.resume(run, work, failed));
      return;
    }
    // What others have queued must not run, and not be lost, within the plugin's time.
    drainMicrotasks();
    try {
      this.hold(run, resumed, work, undefined);
    } catch (error) {
      failed(error);
    }
  }

  outside(work: () => void): void {
    if (this.deadline === 0) work();
    else this.waiting.push(work);
  }

  admit(): void {
    if (this.deadline !== 0 && this.deadline - Bun.nanoseconds() < this.span * RESERVE * 1e6) throw overdue(this.limit);
  }

  /** Runs code of a plugin that is not a hook, such as its top level, for at most `limit` milliseconds. */
  within<T>(limit: number, source: PluginSource, work: () => T): T {
    drainMicrotasks();
    return this.sampled([source], limit, resumed, work, undefined) as T;
  }

  locate(error: unknown, hook: InstalledHook): string {
    const source = this.sources.get(hook.plugin.file);
    const start = source?.definition(hook.run) ?? null;
    const { file } = hook.plugin;
    if (error instanceof HookTimeout) {
      const loop = source?.endlessLoop(hook.run) ?? null;
      const { message, place, inside } = error;
      if (place !== null) {
        // The samples of a loop that calls nothing are of what comes before it in its function.
        const before =
          loop !== null && loop.idle && start !== null && place.file === loop.file && place.line >= start.line && place.line <= loop.line;
        return say(file, before ? loop : place, message);
      }
      if (inside === hook.run.name) return say(file, loop ?? start, message);
      if (inside !== null) {
        const declared = source?.declaration(inside) ?? null;
        return declared === null ? say(file, start, `${message}; it is stuck in ${inside}`) : say(file, declared, message);
      }
      return say(file, start, loop === null ? message : `${message}; is it the loop in line ${loop.line}?`);
    }
    return say(file, (error instanceof Error ? source?.thrownAt(error) : null) ?? start, messageOf(error));
  }

  private enter(run: (a: any, b: any) => unknown, a: unknown, b: unknown, limit: number): unknown {
    const outer = this.deadline;
    const now = Bun.nanoseconds();
    // A hook that runs because of what another hook did has half of what is left to that one, so that it is interrupted alone.
    const timeout = outer === 0 ? limit : Math.max(1, Math.min(limit, Math.floor((outer - now) / 2e6)));
    const outerSpan = this.span;
    this.deadline = now + timeout * 1e6;
    this.span = timeout;
    next = run;
    first = a;
    second = b;
    try {
      return region.runInThisContext({ timeout });
    } finally {
      this.deadline = outer;
      this.span = outerSpan;
      if (outer === 0 && this.waiting.length > 0) for (const work of this.waiting.splice(0)) work();
    }
  }

  /** Calls something of the hook `run`; what times out becomes a HookTimeout. */
  private hold(run: Run, call: (a: any, b: any) => unknown, a: unknown, b: unknown): unknown {
    const left = this.suspicious ? this.suspects.get(run) : undefined;
    if (left !== undefined) return this.watch(run, left, call, a, b);
    try {
      return this.enter(call, a, b, this.limit);
    } catch (error) {
      throw isTimeout(error) ? this.suspect(run, overdue(this.limit)) : error;
    }
  }

  /** The same for a hook that timed out before: for 50 µs a call, it is known where it is when it does so again. */
  private watch(run: Run, left: number, call: (a: any, b: any) => unknown, a: unknown, b: unknown): unknown {
    if (left > 1) this.suspects.set(run, left - 1);
    else this.suspects.delete(run);
    try {
      return this.sampled([...this.sources.values()], this.limit, call, a, b);
    } catch (error) {
      throw error instanceof HookTimeout ? this.suspect(run, error) : error;
    }
  }

  private sampled(sources: readonly PluginSource[], limit: number, call: (a: any, b: any) => unknown, a: unknown, b: unknown): unknown {
    let answer: unknown;
    let failure: { error: unknown } | null = null;
    const { stackTraces } = profile(() => {
      try {
        answer = this.enter(call, a, b, limit);
      } catch (error) {
        failure = { error };
      }
    }, 200);
    if (failure === null) return answer;
    const { error } = failure as { error: unknown };
    throw isTimeout(error) ? stuckAt(stackTraces, sources, limit) : error;
  }

  private suspect(run: Run, error: HookTimeout): HookTimeout {
    this.suspicious = true;
    this.suspects.set(run, WATCHED);
    return error;
  }
}

/** Reads off the samples which line of a plugin was on top of most of them. */
function stuckAt({ traces }: StackTraces, sources: readonly PluginSource[], limit: number): HookTimeout {
  const seen = new Map<string, { place: Place; weight: number }>();
  const functions = new Map<string, number>();
  for (const { frames } of traces) {
    let weight = 1_000_000;
    for (const { sourceURL, line, column, name } of frames) {
      if (sourceURL === undefined || sourceURL === "") continue; // the runtime's own
      if (line < 0x7fff_ffff && sources.some((source) => source.inputs.has(sourceURL))) {
        const key = `${sourceURL}:${line}`;
        const entry = seen.get(key) ?? { place: { file: sourceURL, line, column }, weight: 0 };
        entry.weight += weight;
        seen.set(key, entry);
        break;
      }
      // Optimized code may have no line: its caller's is worth little beside any that was seen inside.
      if (weight > 1 && sourceURL.startsWith("blob:")) functions.set(name, (functions.get(name) ?? 0) + 1);
      weight = 1;
    }
  }
  const most = [...seen.values()].sort((a, b) => b.weight - a.weight)[0];
  const name = [...functions].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
  return overdue(limit, most?.place ?? null, name === "" ? null : name);
}

function overdue(limit: number, place: Place | null = null, inside: string | null = null): HookTimeout {
  return new HookTimeout(`did not come back within ${limit} ms`, place, inside);
}

/** `file:line: what`, as far as it is known; a plugin that was given as an object has no file. */
function say(file: string, place: Place | null, what: string): string {
  const where = place === null ? file : `${place.file}:${place.line}`;
  return where === "" ? what : `${where}: ${what}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name === "Error" || error instanceof HookTimeout ? "" : `${error.name}: `}${error.message}`
    : Bun.inspect(error);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}

function resumed(work: () => unknown): unknown {
  try {
    return work();
  } finally {
    drainMicrotasks();
  }
}

// The region is a script of one call; what it calls is handed over here, without a closure a call.
let next: (a: any, b: any) => unknown, first: unknown, second: unknown;

type StackTraces = import("bun:jsc").SamplingProfile["stackTraces"];
let region: import("node:vm").Script;
let drainMicrotasks: () => void, profile: typeof import("bun:jsc").profile;

/** Who has no plugins pays for none of this. */
function load(): void {
  if (region !== undefined) return;
  ({ drainMicrotasks, profile } = require("bun:jsc") as typeof import("bun:jsc"));
  Object.defineProperty(globalThis, "__havoq", {
    value: () => {
      const run = next,
        a = first,
        b = second;
      first = second = undefined;
      return run(a, b);
    },
  });
  region = new (require("node:vm") as typeof import("node:vm")).Script("__havoq()");
}
