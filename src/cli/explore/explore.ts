import { VERSION } from "../../core/version.ts";
import { formatDuration } from "../../core/units.ts";
import { freshSeed } from "../../hooks/random.ts";
import { HEAD, Outcomes, rowOf, type Exploration, type SeedOutcome } from "../../report/exploration.ts";
import { explorationMarkdown } from "../../report/markdown.ts";
import { summarize, writeExploration } from "../../report/write.ts";
import { run, say } from "../exec/run.ts";
import { loadSetup, PATIENCE, repeatLine, type SetupFlags } from "../exec/setup.ts";
import { printJson, printTable } from "../lib/output.ts";
import { progress } from "../lib/progress.ts";
import { defaultChaos, isPlain } from "./rules.ts";

export interface ExploreFlags extends SetupFlags {
  runs: number;
  timeout: number;
  report: string[];
  json?: boolean;
}

/** Answers with the exit code: 1 when a run failed. */
export async function explore(argv: readonly string[], flags: ExploreFlags): Promise<number> {
  const setup = await loadSetup(flags);
  const { config } = setup;
  const plain = isPlain(setup);
  const from = config.seed ?? freshSeed();
  // Exec has none: there it is the user who waits.
  const patience = flags.timeout === PATIENCE ? [] : ["--timeout", formatDuration(flags.timeout)];
  const outcomes = new Outcomes();
  const seeds: SeedOutcome[] = [];
  say(`seed ${from}, ${flags.runs} runs`);

  const bar = progress(flags.runs, "exploring");
  for (let seed = from; seed < from + flags.runs; seed++) {
    const { report, ended } = await run({
      config: { ...config, seed },
      chaos: plain ? [defaultChaos(seed)] : setup.chaos,
      argv,
      quiet: true,
      timeout: flags.timeout,
      repeat: () =>
        plain ? repeatLine("explore", flags, seed, argv, ["--runs", "1", ...patience]) : repeatLine("exec", flags, seed, argv),
    });
    if (ended.interrupted) {
      say(`interrupted in run ${seeds.length + 1}`);
      break;
    }
    if (ended.notStarted) throw new Error(ended.output.trim());
    outcomes.add(report);
    // Which of the rules fire differs from seed to seed: only what the command and its system did counts.
    const passed = ended.exitCode === 0 && !ended.timedOut && report.plugins.length === 0 && report.expectations.every((one) => one.passed);
    seeds.push({
      seed,
      passed,
      milliseconds: report.command.milliseconds,
      failures: passed ? [] : report.failures,
      faults: report.faults,
      repeat: report.repeat,
      shrink: repeatLine("shrink", flags, seed, argv, patience),
    });
    bar.step(1, `${seeds.filter((one) => !one.passed).length} failed`);
  }
  bar.stop();

  const failed = seeds.filter(({ passed }) => !passed);
  const exploration: Exploration = {
    havoq: VERSION,
    command: [...argv],
    runs: seeds.length,
    passed: seeds.length - failed.length,
    faults: outcomes.list(),
    seeds,
  };
  await writeExploration(flags.report, exploration);
  await summarize(explorationMarkdown(exploration));
  if (flags.json === true) printJson(exploration);
  else {
    printTable(HEAD, exploration.faults.map(rowOf));
    for (const { seed, failures, repeat, shrink } of failed)
      console.log(`\nseed ${seed}: ${failures.join("; ")}\n  ${repeat}\n  ${shrink}`);
  }
  say(`${exploration.passed} of ${exploration.runs} runs passed, seed ${from}`);
  return seeds.length < flags.runs || failed.length > 0 ? 1 : 0;
}
