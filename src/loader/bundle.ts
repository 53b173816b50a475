import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Clock } from "../core/time.ts";
import { nearest } from "../core/nearest.ts";
import type { TimedGuard } from "./guard.ts";
import type { Plugin } from "../hooks/plugin.ts";
import { providedModule } from "./module.ts";
import { PluginError, type Problem } from "./problem.ts";
import { HookTimeout } from "../hooks/seam.ts";
import { PluginSource } from "./source.ts";
import { findWords, misfitsOf } from "../hooks/validate.ts";

const EXPORTS = Symbol.for("havoq");
/** How long the top level of a plugin may run without a pause, and how long with its `await`s, in milliseconds. */
const EVALUATE = 1_000,
  SETTLE = 10_000;

/** A file that was loaded and holds a plugin. */
export interface LoadedFile {
  readonly plugin: Plugin;
  readonly source: PluginSource;
}

export interface LoadOptions {
  guard: TimedGuard;
  clock: Clock;
  /** What a plugin that is a function gets. */
  options?: unknown;
}

/**
 * Bundles a plugin with its own files and packages, runs its top level and checks what it exports.
 * Everything it imports is fresh each time.
 *
 * @throws PluginError with file and line of each thing wrong.
 */
export async function loadFile(file: string, { guard, clock, options }: LoadOptions): Promise<LoadedFile> {
  const source = await bundle(file);
  const url = URL.createObjectURL(new Blob([source.text], { type: "text/javascript" }));
  let exports: Record<string, unknown>;
  try {
    const { load } = (await import(url)) as { load(): Promise<Record<string, unknown>> };
    exports = await within(clock, guard.within(EVALUATE, source, load));
  } catch (error) {
    throw problemOf(error, file, source, "while it was loaded");
  } finally {
    URL.revokeObjectURL(url);
    delete require.cache[url];
  }
  let plugin = exports["default"];
  if (plugin === undefined) {
    throw new PluginError([{ file, line: 1, column: 0, message: "no default export: a plugin says export default definePlugin({ … })" }]);
  }
  if (typeof plugin === "function") {
    const make = plugin as (options: unknown) => unknown;
    try {
      plugin = guard.within(EVALUATE, source, () => make(options ?? {}));
    } catch (error) {
      throw problemOf(error, file, source, "from its options");
    }
  }
  const misfits = misfitsOf(plugin);
  if (misfits.length > 0) {
    const text = await readFile(file, "utf8");
    throw new PluginError(
      misfits.map(({ message, words }): Problem => {
        const place = findWords(text, words) ?? findWords(text, words.slice(-1)) ?? findWords(text, ["default"]);
        return { file, line: place?.line ?? 1, column: place?.column ?? 0, message, text: place?.text };
      }),
    );
  }
  return { plugin: plugin as Plugin, source };
}

async function bundle(file: string): Promise<PluginSource> {
  (globalThis as Record<symbol, unknown>)[EXPORTS] = providedModule();
  const folder = dirname(file);
  // Importing this runs nothing of the author's: `load` does, and can be guarded.
  const entry = join(folder, ".havoq-entry.ts");
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(path));
  let built: Bun.BuildOutput;
  try {
    built = await Bun.build({
      entrypoints: [entry],
      files: { [entry]: `export const load = () => import(${JSON.stringify(file)});` },
      target: "bun",
      sourcemap: "inline",
      metafile: true,
      // In a bundle these would name the bundle.
      define: {
        "import.meta.dir": JSON.stringify(folder),
        "import.meta.dirname": JSON.stringify(folder),
        "import.meta.path": JSON.stringify(file),
        "import.meta.filename": JSON.stringify(file),
        "import.meta.url": JSON.stringify(pathToFileURL(file).href),
      },
      plugins: [module],
    });
  } catch (error) {
    throw buildProblem(error, file);
  }
  const inputs = Object.keys(built.metafile?.inputs ?? {})
    .filter((path) => !path.startsWith("havoq:"))
    .map(absolute);
  return PluginSource.of(await built.outputs[0]!.text(), new Set(inputs.filter((path) => path !== entry)), absolute);
}

/** The module `havoq`, whose exports are this process's own: a wrong import is an error of the bundle, with its place. */
const module: Bun.BunPlugin = {
  name: "havoq",
  setup(build) {
    build.onResolve({ filter: /^havoq$/ }, () => ({ path: "havoq", namespace: "havoq" }));
    build.onLoad({ filter: /.*/, namespace: "havoq" }, () => ({
      loader: "js",
      contents: `const havoq = globalThis[Symbol.for("havoq")];\n${Object.keys(providedModule())
        .map((name) => `export const ${name} = havoq.${name};\n`)
        .join("")}`,
    }));
  },
};

async function within<T>(clock: Clock, promise: Promise<T>): Promise<T> {
  let late: (() => void) | undefined;
  const timer = clock.after(SETTLE, () => late?.());
  try {
    return await Promise.race([
      promise,
      new Promise<never>(
        (_, reject) =>
          (late = () => reject(new Error(`its top level awaits something that does not come within ${SETTLE / 1000} seconds`))),
      ),
    ]);
  } finally {
    timer.cancel();
  }
}

function buildProblem(error: unknown, file: string): PluginError {
  const messages = error instanceof AggregateError ? (error.errors as (BuildMessage | ResolveMessage)[]) : [];
  if (messages.length === 0)
    return new PluginError([{ file, line: 0, column: 0, message: error instanceof Error ? error.message : String(error) }]);
  return new PluginError(
    messages.map(({ message, position }): Problem => {
      const missing = /^No matching export in "havoq:havoq" for import "(.*)"$/.exec(message);
      if (missing !== null) {
        const near = nearest(missing[1]!, Object.keys(providedModule()));
        message = `havoq has no export ${missing[1]}${near === null ? "" : `; did you mean ${near}?`}`;
      }
      if (position === null) return { file, line: 0, column: 0, message };
      return { file: resolve(position.file || file), line: position.line, column: position.column, message, text: position.lineText };
    }),
  );
}

function problemOf(error: unknown, file: string, source: PluginSource, when: string): PluginError {
  if (error instanceof PluginError) return error;
  const message =
    error instanceof Error
      ? `${error.name === "Error" || error instanceof HookTimeout ? "" : `${error.name}: `}${error.message}`
      : `threw ${Bun.inspect(error)}`;
  let place = error instanceof Error ? source.thrownAt(error) : null;
  if (error instanceof HookTimeout) {
    const loop = source.endlessLoop();
    // The samples of a loop that calls nothing are of what comes before it.
    place = error.place === null || loop?.idle ? loop : error.place;
  }
  return new PluginError([
    { file: place?.file ?? file, line: place?.line ?? 0, column: place?.column ?? 0, message: `${message} (${when})` },
  ]);
}
