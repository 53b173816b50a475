import { markdown } from "../../report/markdown.ts";
import { summarize, writeReports } from "../../report/write.ts";
import { faultLines, run, say } from "./run.ts";
import { loadSetup, repeatLine, type SetupFlags } from "./setup.ts";

export interface ExecFlags extends SetupFlags {
  report: string[];
  journal?: string;
  trace?: boolean;
}

/**
 * Runs the command once. Answers with its exit code; with 1 where it passed but something else did
 * not: an expectation, a rule that never fired, a plugin.
 */
export async function exec(argv: readonly string[], flags: ExecFlags): Promise<number> {
  const { report, ended } = await run({
    ...(await loadSetup(flags)),
    argv,
    repeat: (seed) => repeatLine("exec", flags, seed, argv),
    started: (seed) => say(`seed ${seed}`),
    ...(flags.trace === true ? { trace: true } : {}),
    ...(flags.journal === undefined ? {} : { journalFile: flags.journal }),
    ...(flags.replay === undefined ? {} : { replayFile: flags.replay }),
  });
  process.stderr.write(ended.output);
  await writeReports(flags.report, report);
  await summarize(markdown(report));
  for (const line of faultLines(report)) console.error(line);
  if (!report.passed) {
    const others = ended.exitCode === 0 ? report.failures : report.failures.slice(1);
    if (ended.exitCode === 0) say("the command passed, but:");
    for (const failure of others) console.error(`  ${failure}`);
    if (ended.exitCode !== 0) say(report.failures[0]!);
    say(`the same again: ${report.repeat}`);
  }
  say(`${report.passed ? "passed" : "failed"}, seed ${report.seed}`);
  return ended.exitCode !== 0 ? ended.exitCode : report.passed ? 0 : 1;
}
