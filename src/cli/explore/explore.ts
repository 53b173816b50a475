import { VERSION } from "../../havoq.ts";
import { freshSeed } from "../../hooks/random.ts";
import { HEAD, Outcomes, rowOf, type Exploration, type SeedOutcome } from "../../report/exploration.ts";
import { explorationMarkdown } from "../../report/markdown.ts";
import { summarize, writeExploration } from "../../report/write.ts";
import { run, say } from "../exec/run.ts";
import { loadSetup, repeatLine, type SetupFlags } from "../exec/setup.ts";
import { printJson, printTable } from "../lib/output.ts";
import { progress } from "../lib/progress.ts";
import { addDefaultRules, isPlain } from "./rules.ts";

export interface ExploreFlags extends SetupFlags {
  runs: number;
  timeout: number;
  report: string[];
  json?: boolean;
}

/** Answers with the exit code: 1 when a run failed. */
export async function explore(argv: readonly string[], flags: ExploreFlags): Promise<number> {
  const config = await loadSetup(flags);
  const plain = isPlain(config);
  const from = config.seed ?? freshSeed();
  const outcomes = new Outcomes();
  const seeds: SeedOutcome[] = [];
  say(`seed ${from}, ${flags.runs} runs`);

  const bar = progress(flags.runs, "exploring");
  for (let seed = from; seed < from + flags.runs; seed++) {
    const own = { ...config, seed, chaos: [...config.chaos] };
    if (plain) addDefaultRules(own, seed);
    const { report, ended } = await run({ config: own, argv, repeat: () => repeatLine(plain ? "explore" : "exec", flags, seed, argv, plain ? ["--runs", "1"] : []), quiet: true, timeout: flags.timeout });
    if (ended.interrupted) {
      say(`interrupted in run ${seeds.length + 1}`);
      break;
    }
    outcomes.add(report);
    // Which of the rules fire differs from seed to seed: only what the command and its system did counts.
    const passed = ended.exitCode === 0 && !ended.timedOut && report.plugins.length === 0;
    seeds.push({
      seed, passed, milliseconds: report.command.milliseconds, failures: passed ? [] : report.failures, faults: report.faults, repeat: report.repeat,
      shrink: repeatLine("shrink", flags, seed, argv),
    });
    bar.step(1, `${seeds.filter((one) => !one.passed).length} failed`);
  }
  bar.stop();

  const failed = seeds.filter(({ passed }) => !passed);
  const exploration: Exploration = {
    havoq: VERSION, command: [...argv], runs: seeds.length, passed: seeds.length - failed.length, faults: outcomes.list(), seeds,
  };
  await writeExploration(flags.report, exploration);
  await summarize(explorationMarkdown(exploration));
  if (flags.json === true) printJson(exploration);
  else {
    printTable(HEAD, exploration.faults.map(rowOf));
    for (const { seed, failures, repeat, shrink } of failed) console.log(`\nseed ${seed}: ${failures.join("; ")}\n  ${repeat}\n  ${shrink}`);
  }
  say(`${exploration.passed} of ${exploration.runs} runs passed, seed ${from}`);
  return seeds.length < flags.runs || failed.length > 0 ? 1 : 0;
}
