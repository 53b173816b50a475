import { InvalidArgumentError, Option, type Command } from "commander";
import { DEFAULTS, type Config } from "../../config/config.ts";
import { reportFlaw } from "../../report/write.ts";
import { quote } from "./quote.ts";

/** What `exec`, `explore` and `shrink` take alike: what the brokers are, and what is done to them. */
export interface SetupFlags {
  config?: string;
  plugins?: string;
  seed?: number;
  replay?: string;
}

export function addSetup(command: Command): void {
  command
    .option("--config <file>", "read a havoq.yaml; its ports are left alone, free ones are taken")
    .option("--plugins <dir>", "load the plugins in this folder")
    .addOption(new Option("--seed <n>", "seed of all random draws; a fresh one is chosen and printed when left out").argParser(whole))
    .option("--replay <file>", "fire the verdicts of this journal again, without rules, plugins and draws");
}

/** Flag, then environment, then file, then default. */
export async function loadSetup({ config: file, plugins, seed }: SetupFlags): Promise<Config> {
  let config: Config = structuredClone(DEFAULTS);
  if (file !== undefined) {
    const { parseConfig } = await import("../../config/layers.ts");
    config = parseConfig(await Bun.file(file).text(), file);
  }
  const given = process.env.HAVOQ_SEED;
  config.seed = seed ?? (given === undefined || given === "" ? config.seed : whole(given));
  config.plugins.dir = plugins ?? process.env.HAVOQ_PLUGINS ?? config.plugins.dir;
  return config;
}

/**
 * The line that runs the same again: what went in stays, the seed is told, and what was written (a
 * report, a journal) is not written over.
 */
export function repeatLine(command: string, flags: SetupFlags, seed: number, argv: readonly string[], more: readonly string[] = []): string {
  const options = (["config", "chaos", "plugins", "replay"] as const).flatMap((name) => {
    const given = (flags as Record<string, string | string[] | undefined>)[name];
    return [given ?? []].flat().flatMap((value) => [`--${name}`, value]);
  });
  return quote([...program(), command, ...more, "--seed", String(seed), ...options, "--", ...argv]);
}

/** How this program was called. */
function program(): string[] {
  const entry = process.argv[1] ?? "";
  // Inside the binary its own sources lie in a place of Bun's making.
  return /^(?:\/\$bunfs\/|[A-Z]:[\\/]~BUN)/.test(entry) ? [process.argv0] : [process.argv0, entry];
}

/** The value of `--seed`. */
export function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError(`${text} is not a whole number.`);
  return value;
}

/** Collects the values of `--report`. */
export function reportFile(file: string, all: string[]): string[] {
  const flaw = reportFlaw(file);
  if (flaw !== null) throw new InvalidArgumentError(flaw);
  return [...all, file];
}
