import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";
import { nearest } from "../../core/nearest.ts";
import { pluginFiles } from "../../loader/load.ts";
import { HOOK_POINTS, MATCH_KEYS } from "../../hooks/match.ts";
import type { Problem } from "../../loader/problem.ts";
import { GLOBALS, HAVOQ, LANGUAGE } from "./carried.ts";

/** Files that are in the binary only: the compiler finds them under these names. */
const CARRIED = resolve("/.havoq");
const HAVOQ_FILE = join(CARRIED, "havoq.d.ts"),
  GLOBALS_FILE = join(CARRIED, "globals.d.ts");
const LANGUAGE_FILES = new Map(Object.entries(LANGUAGE).map(([name, text]) => [join(CARRIED, `lib.${name}.d.ts`), text]));

/**
 * Type-checks plugin files, and all plugins of each folder, without running anything of them. The
 * `tsconfig.json` beside or above a plugin counts, but for the language's version, which is the binary's.
 *
 * @throws Error for a path that is not there.
 */
export async function checkPlugins(paths: readonly string[]): Promise<Problem[]> {
  const files = new Set<string>();
  for (const path of paths.map((one) => resolve(one))) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw new Error(`there is no ${path}`);
    if (!found.isDirectory()) files.add(path);
    else for (const file of (await pluginFiles(path)).keys()) files.add(file);
  }
  const projects = Map.groupBy(files, (file) => ts.findConfigFile(dirname(file), ts.sys.fileExists) ?? "");
  return [...projects].flatMap(([config, group]) => new Check(config, group).problems());
}

/** The plugins that share one tsconfig.json. */
class Check {
  private readonly program: ts.Program;
  private readonly checker: ts.TypeChecker;
  private readonly found: Problem[] = [];
  /** Asks of each plugin that its default export be one: it cannot be told in the plugin itself. */
  private readonly asserting: string;

  constructor(
    config: string,
    private readonly files: readonly string[],
  ) {
    this.asserting = join(dirname(files[0]!), ".havoq-check.ts");
    const carried = new Map([...LANGUAGE_FILES, [HAVOQ_FILE, HAVOQ], [GLOBALS_FILE, GLOBALS], [this.asserting, assertions(files)]]);
    const options = this.options(config);
    const roots = [...LANGUAGE_FILES.keys(), HAVOQ_FILE, this.asserting, ...files];
    if ((options.types ?? []).length === 0) roots.push(GLOBALS_FILE);
    const host = ts.createCompilerHost(options);
    // On Windows the compiler asks with forward slashes.
    const carriedAt = (path: string): string | undefined => carried.get(resolve(path));
    const { fileExists, readFile } = host;
    host.fileExists = (path) => carriedAt(path) !== undefined || fileExists(path);
    host.readFile = (path) => carriedAt(path) ?? readFile(path);
    host.getSourceFile = (path, version) => {
      const text = host.readFile(path);
      return text === undefined ? undefined : ts.createSourceFile(path, text, version);
    };
    this.program = ts.createProgram(roots, options, host);
    this.checker = this.program.getTypeChecker();
  }

  problems(): Problem[] {
    for (const diagnostic of ts.getPreEmitDiagnostics(this.program)) this.report(diagnostic);
    for (const file of this.files) this.shape(file);
    const seen = new Set<string>();
    return this.found.filter(({ file, line, message }) => {
      const key = `${file}:${line}:${message}`;
      return !seen.has(key) && seen.add(key);
    });
  }

  private options(config: string): ts.CompilerOptions {
    let options: ts.CompilerOptions = { strict: true, allowJs: true };
    if (config !== "") {
      const read = ts.readConfigFile(config, ts.sys.readFile);
      const parsed = ts.parseJsonConfigFileContent(read.config ?? {}, { ...ts.sys, readDirectory: () => [] }, dirname(config));
      for (const diagnostic of [read.error, ...parsed.errors]) {
        // That no file is named is no error here: the plugins are.
        if (diagnostic !== undefined && diagnostic.code !== 18003 && diagnostic.code !== 18002) this.report(diagnostic, config);
      }
      options = parsed.options;
    }
    delete options.lib;
    delete options.rootDir;
    return {
      ...options,
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.Preserve,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: options.types ?? [],
      noLib: true, // the language is among the roots
      noEmit: true,
      composite: false,
      incremental: false,
      declaration: false,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
    };
  }

  private report({ file, start, messageText, code }: ts.Diagnostic, otherwise = this.files[0]!): void {
    const message = ts.flattenDiagnosticMessageText(messageText, "\n  ");
    if (file === undefined || start === undefined) return void this.found.push({ file: otherwise, line: 0, column: 0, message });
    if (resolve(file.fileName) !== this.asserting) return this.at(file, start, message);
    const index = file.getLineAndCharacterOfPosition(start).line;
    const plugin = this.files[Math.floor(index / 2)];
    if (plugin === undefined || this.found.some((problem) => problem.file === plugin)) return; // said by the plugin's own errors
    const missing = code === 1192 || code === 2306 || code === 2613;
    const what = missing
      ? "no default export: a plugin says export default definePlugin({ … })"
      : `the default export is not a plugin: ${message}`;
    const source = this.program.getSourceFile(plugin);
    const place = source?.statements.find((statement) => ts.isExportAssignment(statement))?.getStart(source) ?? 0;
    if (source !== undefined) this.at(source, place, what);
  }

  private at(file: ts.SourceFile, start: number, message: string): void {
    const { line, character } = file.getLineAndCharacterOfPosition(start);
    this.found.push({ file: resolve(file.fileName), line: line + 1, column: character + 1, message, text: file.text.split(/\r?\n/)[line] });
  }

  /** Names of hooks and match fields that do not exist: the compiler takes them for extra properties, which it allows. */
  private shape(path: string): void {
    const file = this.program.getSourceFile(path);
    const symbol = file && this.checker.getSymbolAtLocation(file);
    const exported = symbol && this.checker.getExportsOfModule(symbol).find((one) => one.name === "default");
    if (file === undefined || exported === undefined) return;
    let type = this.checker.getTypeOfSymbolAtLocation(exported, file);
    // One that is made from its options.
    const made = type.getCallSignatures()[0];
    if (made !== undefined) type = made.getReturnType();
    for (const hook of this.known(type, "hook", ["name", ...HOOK_POINTS])) {
      if (!(HOOK_POINTS as readonly string[]).includes(hook.name)) continue;
      for (const one of this.parts(this.checker.getTypeOfSymbolAtLocation(hook, file))) {
        for (const key of this.checker.getPropertiesOfType(one)) {
          if (key.name !== "match" || one.getCallSignatures().length > 0) continue;
          this.known(this.checker.getTypeOfSymbolAtLocation(key, file), `key in match of ${hook.name}`, MATCH_KEYS);
        }
      }
    }
  }

  /** The types of one hook or of a list of them. */
  private parts(type: ts.Type): ts.Type[] {
    if (type.isUnion()) return type.types.flatMap((part) => this.parts(part));
    if (this.checker.isArrayLikeType(type))
      return this.checker.getTypeArguments(type as ts.TypeReference).flatMap((part) => this.parts(part));
    return [type];
  }

  /** The properties of a type; those that nobody knows are reported where they are declared. */
  private known(type: ts.Type, what: string, names: readonly string[]): ts.Symbol[] {
    const properties = this.parts(type)
      .filter((part) => (part.flags & ts.TypeFlags.Object) !== 0)
      .flatMap((part) => this.checker.getPropertiesOfType(part));
    for (const property of properties) {
      const declaration = property.declarations?.[0];
      if (names.includes(property.name) || declaration === undefined) continue;
      const near = nearest(property.name, names);
      const file = declaration.getSourceFile();
      this.at(
        file,
        declaration.getStart(file),
        `unknown ${what}: ${property.name}; ${near === null ? `known are ${names.join(", ")}` : `did you mean ${near}?`}`,
      );
    }
    return properties;
  }
}

/** Two lines for each plugin. */
function assertions(files: readonly string[]): string {
  return files
    .map((file, i) => `import p${i} from ${JSON.stringify(file)};\nexport const _${i}: import("havoq").PluginExport = p${i};\n`)
    .join("");
}
