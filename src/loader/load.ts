import { readdir, stat } from "node:fs/promises";
import { dirname, join, parse, resolve } from "node:path";
import { nearest } from "../core/nearest.ts";
import type { Clock } from "../core/time.ts";
import { loadFile, type LoadedFile } from "./bundle.ts";
import type { TimedGuard } from "./guard.ts";
import { HOOK_POINTS, type HookPoint } from "../hooks/match.ts";
import { formatProblem, PluginError, type Problem } from "./problem.ts";
import type { LoadedPlugin, Seam } from "../hooks/seam.ts";
import { Watcher } from "./watch.ts";

/** How long a file may be away while its editor saves it, in milliseconds. */
const AWAY = 150;
/** Packages may bring folders without number; of these so many are watched. */
const PACKAGE_FOLDERS = 100;

export interface PluginFolderOptions {
  dir: string;
  seam: Seam;
  guard: TimedGuard;
  clock: Clock;
  print(line: string): void;
  /** What plugins that are functions get, by file name without its ending. */
  options?: Readonly<Record<string, unknown>>;
}

/** A plugin file as the admin API, `havoq plugin list` and `havoq doctor` show it. */
export interface PluginStatus {
  name: string;
  file: string;
  /** `failed`: not loaded; `stale`: an older version is in service because the file could not be reloaded. */
  state: "on" | "off" | "failed" | "stale";
  hooks: HookPoint[];
  errors: number;
  problems: readonly Problem[];
}

interface Entry {
  readonly file: string;
  /** The file's or the folder's name. */
  readonly stem: string;
  loaded: LoadedFile | null;
  problems: readonly Problem[];
  /** Files whose change means that this one is loaded again. */
  inputs: ReadonlySet<string>;
}

/**
 * The plugins of one folder: each `*.ts`, `*.js` or `*.mjs` file and each folder with an index of that
 * kind, in the order of their names. Left out: declarations (`*.d.ts`), tests (`*.test.ts`), names that
 * begin with `_` or `.`, and `node_modules`. A plugin is loaded again when it, or anything it imports,
 * is saved; while the new version has errors the old one stays in service.
 */
export class PluginFolder {
  private readonly dir: string;
  private readonly watcher: Watcher;
  private entries: Entry[] = [];
  private work: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: PluginFolderOptions) {
    this.dir = resolve(options.dir);
    this.watcher = new Watcher(options.clock, (changed) => void this.reload(changed));
  }

  /** Loads all plugins and watches from now on. Errors in plugins are printed; a folder that is not there is thrown. */
  async start(): Promise<void> {
    if (!(await isFolder(this.dir))) throw new Error(`there is no plugins folder ${this.dir}`);
    await this.reload(new Set());
    const stems = this.entries.map((entry) => entry.stem);
    for (const name of Object.keys(this.options.options ?? {})) {
      if (stems.includes(name)) continue;
      const near = nearest(name, stems);
      this.options.print(
        `options for plugin ${name}: there is no such file in ${this.dir}${near === null ? "" : `; did you mean ${near}?`}`,
      );
    }
  }

  close(): void {
    this.closed = true;
    this.watcher.close();
  }

  status(): PluginStatus[] {
    return this.entries.map(({ file, stem, loaded, problems }) => {
      const name = loaded?.plugin.name ?? stem;
      const { errors, off } = this.options.seam.record(name);
      const state = loaded === null ? "failed" : problems.length > 0 ? "stale" : off ? "off" : "on";
      return { name, file, state, hooks: HOOK_POINTS.filter((point) => loaded?.plugin[point] !== undefined), errors, problems };
    });
  }

  /**
   * An error that nobody caught: true when it is a plugin's, which then was counted and printed. An
   * error with no line of any file in it can't be the broker's, whose errors have theirs.
   */
  claim(error: unknown): boolean {
    const { seam } = this.options;
    for (const { loaded, stem } of this.entries) {
      const place = loaded !== null && error instanceof Error ? loaded.source.thrownAt(error) : null;
      if (place === null) continue;
      seam.blame(seam.record(loaded?.plugin.name ?? stem), () => `nobody caught ${place.file}:${place.line}: ${String(error)}`);
      return true;
    }
    if (this.entries.length === 0 || (error instanceof Error && /:\d+:\d+\)?$/m.test(error.stack ?? ""))) return false;
    this.options.print(`a plugin: nobody caught ${error instanceof Error ? String(error) : Bun.inspect(error)}`);
    return true;
  }

  private reload(changed: ReadonlySet<string>): Promise<void> {
    return (this.work = this.work.then(() => this.pass(changed)));
  }

  private async pass(changed: ReadonlySet<string>): Promise<void> {
    const first = this.entries.length === 0;
    let files = await pluginFiles(this.dir);
    if (this.entries.some((entry) => !files.has(entry.file))) {
      await this.options.clock.sleep(AWAY);
      files = await pluginFiles(this.dir);
    }
    const before = new Map(this.entries.map((entry) => [entry.file, entry]));
    const entries: Entry[] = [];
    let news = first;
    for (const [file, stem] of files) {
      if (this.closed) return;
      const known = before.get(file);
      before.delete(file);
      if (known !== undefined && known.problems.length === 0 && !touches(changed, known.inputs)) {
        entries.push(known);
        continue;
      }
      const entry = await this.load(file, stem, known);
      entries.push(entry);
      if (entry.loaded !== known?.loaded) news = true;
    }
    for (const { stem, loaded, file } of before.values()) {
      this.options.print(`plugin ${loaded?.plugin.name ?? stem}: gone with ${file}`);
      this.options.guard.sources.delete(file);
      news = true;
    }
    this.entries = entries;
    if (news) this.install();
    if (!this.closed) this.watcher.watch(await this.folders());
  }

  private async load(file: string, stem: string, known: Entry | undefined): Promise<Entry> {
    const { seam, guard, clock, print, options } = this.options;
    try {
      const loaded = await loadFile(file, { guard, clock, options: options?.[stem] });
      if (known !== undefined) print(`plugin ${loaded.plugin.name ?? stem}: ${known.loaded === null ? "loaded" : "reloaded"}`);
      return { file, stem, loaded, problems: [], inputs: loaded.source.inputs };
    } catch (error) {
      const problems = error instanceof PluginError ? error.problems : [{ file, line: 0, column: 0, message: String(error) }];
      const loaded = known?.loaded ?? null;
      const name = loaded?.plugin.name ?? stem;
      // A failed plugin is tried again at each change; saying the same again would tell nothing.
      if (problems.map(formatProblem).join() !== known?.problems.map(formatProblem).join()) {
        seam.record(name).errors++;
        const what = loaded === null ? "not loaded" : "not reloaded, the version before stays in service";
        print([`plugin ${name}: ${what}`, ...problems.map((problem) => `  ${formatProblem(problem)}`)].join("\n"));
      }
      return {
        file,
        stem,
        loaded,
        problems,
        inputs: new Set([file, ...(known?.inputs ?? []), ...problems.map((problem) => problem.file)]),
      };
    }
  }

  private install(): void {
    const plugins: LoadedPlugin[] = [];
    for (const entry of this.entries) {
      const { file, stem, loaded } = entry;
      if (loaded === null) continue;
      const name = loaded.plugin.name ?? stem;
      const other = plugins.find((plugin) => plugin.name === name);
      if (other !== undefined) {
        entry.loaded = null;
        entry.problems = [{ file, line: 1, column: 0, message: `another plugin is called ${name}: ${other.file}` }];
        this.options.print(`plugin ${name}: not loaded\n  ${formatProblem(entry.problems[0]!)}`);
        continue;
      }
      this.options.guard.sources.set(file, loaded.source);
      plugins.push({ name, file, plugin: loaded.plugin });
    }
    this.options.seam.install(plugins);
  }

  /** The folders of everything that was loaded, and those in which a plugin may appear. */
  private async folders(): Promise<Set<string>> {
    const folders = new Set([this.dir]);
    for (const item of await list(this.dir))
      if (isPluginName(item.name) && (await isFolder(join(this.dir, item.name)))) folders.add(join(this.dir, item.name));
    const packages = new Set<string>();
    for (const { inputs } of this.entries) {
      for (const input of inputs) (/[\\/]node_modules[\\/]/.test(input) ? packages : folders).add(dirname(input));
    }
    for (const folder of [...packages].slice(0, PACKAGE_FOLDERS)) folders.add(folder);
    return folders;
  }
}

/**
 * Catches what no plugin caught itself: throws in their timers, promises that nobody awaits. `fatal`
 * gets what is not a plugin's. Returns a function that ends it.
 */
export function catchStray(plugins: PluginFolder, fatal: (error: unknown) => void): () => void {
  const handle = (error: unknown): void => {
    if (!plugins.claim(error)) fatal(error);
  };
  process.on("uncaughtException", handle);
  process.on("unhandledRejection", handle);
  return () => {
    process.off("uncaughtException", handle);
    process.off("unhandledRejection", handle);
  };
}

/** The plugin files of a folder with the names they give their plugins, in order. */
export async function pluginFiles(dir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { name } of await list(dir)) {
    if (!isPluginName(name)) continue;
    const path = join(dir, name);
    if (await isFolder(path)) {
      const index = (await list(path)).find((item) => /^index\.(ts|js|mjs)$/.test(item.name));
      if (index !== undefined) found.set(join(path, index.name), name);
    } else if (/\.(ts|js|mjs)$/.test(name) && !/\.(d|test|spec)\.\w+$/.test(name)) found.set(path, parse(name).name);
  }
  return found;
}

function isPluginName(name: string): boolean {
  return !/^[._]/.test(name) && name !== "node_modules";
}

async function list(dir: string): Promise<{ name: string }[]> {
  const items = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return items.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

function touches(changed: ReadonlySet<string>, inputs: ReadonlySet<string>): boolean {
  for (const input of inputs) if (changed.has(input) || changed.has(dirname(input))) return true;
  return false;
}
