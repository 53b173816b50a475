import { InvalidArgumentError, type Command } from "commander";
import type { Config } from "../../config/config.ts";
import { worldOf } from "../../control/world.ts";
import { parseDuration } from "../../core/units.ts";
import { loadConfig } from "../../config/load.ts";
import { reportFlaw } from "../../report/write.ts";
import type { ChaosFile } from "../../scenarios/file.ts";
import { addOption, configOptions, readChaos, settingsOf, type Flags } from "../serve.ts";
import { quote } from "./quote.ts";

/** What `exec`, `explore` and `shrink` take alike: what the brokers are, and what is done to them. */
export interface SetupFlags extends Pick<Flags, "config" | "fixtures" | "kafkaBrokers" | "plugins" | "seed"> {
  chaos: string[];
  replay?: string;
}

/** Those options of `serve` that go with ports and addresses which are not chosen. */
const OF_SERVE = ["config", "kafka-brokers", "plugins", "fixtures", "seed"];
const REPEATED = [...OF_SERVE, "chaos", "replay"];

export function addSetup(command: Command): void {
  command.option("--chaos <file>", "put the rules and scenarios of this file in force (repeatable)", collect, []);
  for (const option of configOptions()) if (OF_SERVE.includes(option.word.slice(2))) addOption(command, option);
}

export function addReplay(command: Command): void {
  command.option("--replay <file>", "fire the verdicts of this journal again, without rules, plugins and draws");
}

export interface Setup {
  /** Of flags, environment and file. */
  config: Config;
  chaos: ChaosFile[];
}

export async function loadSetup(flags: SetupFlags): Promise<Setup> {
  const { config: file, fixtures, kafkaBrokers, plugins, seed } = flags;
  if (flags.replay !== undefined && flags.chaos.length > 0)
    throw new Error("--chaos and --replay: a replay fires what its journal says, and nothing else");
  const given = Object.fromEntries(Object.entries({ fixtures, kafkaBrokers, plugins, seed }).filter(([, value]) => value !== undefined));
  const config = await loadConfig({ config: file, settings: await settingsOf(given) });
  return { config, chaos: await Promise.all(flags.chaos.map((path) => readChaos(path, worldOf(config)))) };
}

/**
 * The line that runs the same again: what went in stays, the seed is told, and what was written (a
 * report, a journal) is not written over.
 */
export function repeatLine(
  command: string,
  flags: SetupFlags,
  seed: number,
  argv: readonly string[],
  more: readonly string[] = [],
): string {
  const values = { ...flags, seed } as unknown as Record<string, string | string[] | number | undefined>;
  const options = REPEATED.flatMap((name) => {
    const value = values[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    return [value ?? []].flat().flatMap((one) => [`--${name}`, String(one)]);
  });
  return quote([...program(), command, ...more, ...options, "--", ...argv]);
}

/** How this program was called. */
function program(): string[] {
  const entry = process.argv[1] ?? "";
  // Inside the binary its own sources lie in a place of Bun's making.
  return /^(?:\/\$bunfs\/|[A-Z]:[\\/]~BUN)/.test(entry) ? [process.argv0] : [process.argv0, entry];
}

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

/** Collects the values of `--report`. */
export function reportFile(file: string, all: string[]): string[] {
  const flaw = reportFlaw(file);
  if (flaw !== null) throw new InvalidArgumentError(flaw);
  return [...all, file];
}

/** How long `explore` and `shrink` wait for a run when nobody says, in milliseconds. */
export const PATIENCE = 60_000;

/** The value of `--timeout`, in milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms === 0) throw new InvalidArgumentError(`${text} is not a duration such as 30s.`);
  return ms;
}

/** How many, at least one. */
export function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError(`${text} is not a number from 1 up.`);
  return value;
}
