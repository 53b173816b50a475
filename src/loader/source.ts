import type { Place } from "../hooks/seam.ts";
import type { SourceMap } from "node:module";

export type { Place } from "../hooks/seam.ts";

const INLINE_MAP = "//# sourceMappingURL=data:application/json;base64,";
/** A loop whose head does not end it, and a body that does not either and calls nothing. */
const ENDLESS = /\bwhile\s*\(\s*(?:true|1|!0)\s*\)|\bfor\s*\(\s*;\s*;[^;()]*\)/g;
const IDLE = /^\s*(?:;|\{[^(){}]*\}|[^(){};]*;)/;

/** A plugin as it was bundled, and the way back to the author's lines. */
export class PluginSource {
  private readonly map: SourceMap;

  private constructor(
    /** What runs. */
    readonly text: string,
    payload: object,
    /** Absolute paths of all files that went in. */
    readonly inputs: ReadonlySet<string>,
  ) {
    const { SourceMap } = require("node:module") as typeof import("node:module");
    this.map = new SourceMap(payload as never);
  }

  /** Takes a bundle with its map inline, and makes the paths in the map absolute so that stack traces show them so. */
  static of(bundle: string, inputs: ReadonlySet<string>, absolute: (path: string) => string): PluginSource {
    const at = bundle.lastIndexOf(INLINE_MAP);
    if (at < 0) return new PluginSource(bundle, { version: 3, sources: [], names: [], mappings: "" }, inputs);
    const map = JSON.parse(Buffer.from(bundle.slice(at + INLINE_MAP.length).trim(), "base64").toString()) as { sources: string[] };
    map.sources = map.sources.map(absolute);
    const text = `${bundle.slice(0, at)}${INLINE_MAP}${Buffer.from(JSON.stringify(map)).toString("base64")}\n`;
    return new PluginSource(text, map, inputs);
  }

  /** Where a function of this plugin begins; null where its text is not in the bundle. */
  definition(run: Function): Place | null {
    const at = this.text.indexOf(run.toString());
    return at < 0 ? null : this.placeOf(at);
  }

  /** Where the function of this name is declared; null where there is none, or more than one. */
  declaration(name: string): Place | null {
    const word = `(?<![\\w$.])${RegExp.escape(name)}(?![\\w$])`;
    const declared = new RegExp(`\\bfunction\\s*\\*?\\s*${word}|${word}\\s*=\\s*(?:async\\b\\s*)?(?:function\\b|\\(|[\\w$]+\\s*=>)`, "g");
    const [first, another] = this.text.matchAll(declared);
    return first === undefined || another !== undefined ? null : this.placeOf(first.index);
  }

  /**
   * The loop whose head does not end it, if a function of this plugin, or all of it, has exactly one.
   * `idle`: its body cannot end it either, and calls nothing.
   */
  endlessLoop(run?: Function): (Place & { idle: boolean }) | null {
    const text = run === undefined ? this.text : run.toString();
    const at = run === undefined ? 0 : this.text.indexOf(text);
    const [loop, another] = text.matchAll(ENDLESS);
    const place = at < 0 || loop === undefined || another !== undefined ? null : this.placeOf(at + loop.index);
    if (place === null) return null;
    const body = IDLE.exec(text.slice(loop!.index + loop![0].length))?.[0];
    return { ...place, idle: body !== undefined && !/\b(?:break|return|throw|await|yield)\b/.test(body) };
  }

  /** The innermost frame of an error that lies in this plugin. */
  thrownAt(error: Error): Place | null {
    for (const line of (error.stack ?? "").split("\n")) {
      const frame = /(?:^|[(\s@])([^()\s][^()]*):(\d+):(\d+)\)?$/.exec(line.trim().replace(/^at /, ""));
      if (frame !== null && this.inputs.has(frame[1]!)) return { file: frame[1]!, line: Number(frame[2]), column: Number(frame[3]) };
    }
    return null;
  }

  private placeOf(index: number): Place | null {
    const before = this.text.slice(0, index).split("\n");
    const entry = this.map.findEntry(before.length - 1, before.at(-1)!.length) as Partial<import("node:module").SourceMapping>;
    if (entry.originalSource === undefined) return null;
    return { file: entry.originalSource, line: entry.originalLine! + 1, column: entry.originalColumn! + 1 };
  }
}
