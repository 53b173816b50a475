import { faultsNamed } from "../../report/faults.ts";
import { write } from "../../report/write.ts";
import { defaultChaos, isPlain } from "../explore/rules.ts";
import { run, say, type Run, type RunOptions } from "../exec/run.ts";
import { loadSetup, repeatLine, type SetupFlags } from "../exec/setup.ts";
import { progress } from "../lib/progress.ts";
import { ddmin } from "./ddmin.ts";
import { faultsOf, firedIn, journalOf, type FiredFault } from "./faults.ts";
import { ruleFile, words } from "./rule-file.ts";

export interface ShrinkFlags extends SetupFlags {
  out: string;
  timeout: number;
  confirm: number;
  json?: boolean;
}

/** Answers with the exit code: 0 when a smallest set was found and written. */
export async function shrink(argv: readonly string[], flags: ShrinkFlags): Promise<number> {
  const setup = await loadSetup(flags);
  const { config } = setup;
  const { timeout, confirm } = flags;
  let runs = 0;
  const once = async (what: Pick<RunOptions, "replay" | "replayFile" | "chaos">, base = config): Promise<Run> => {
    runs++;
    const done = await run({
      config: base,
      argv,
      repeat: (seed) => repeatLine("shrink", flags, seed, argv),
      quiet: true,
      timeout,
      ...what,
    });
    if (done.ended.interrupted) throw new Error(`interrupted after ${runs} runs`);
    return done;
  };

  // What fires: the journal that was given, or that of a run with rules and plugins.
  const { seed: given } = config;
  const plain = flags.replay === undefined && isPlain(setup);
  if (plain && given === undefined) throw new Error("which run is it to be? --seed of one that failed, --replay, --chaos or --plugins");
  const first = await once(
    flags.replay !== undefined ? { replayFile: flags.replay } : { chaos: plain ? [defaultChaos(given!)] : setup.chaos },
  );
  say(`seed ${first.report.seed}`);
  if (!failed(first)) {
    say(
      `the command passed${flags.replay === undefined ? "" : " with this journal"}: there is nothing to shrink; \`explore\` looks for a seed with which it fails`,
    );
    return 1;
  }
  const all = faultsOf(first.journal);
  say(`${how(first)} with ${count(all.length)}`);
  const base = { ...config, seed: first.report.seed };
  const without = await once({ replay: journalOf(first.journal, []) }, base);
  if (failed(without)) {
    console.error(without.ended.output);
    say(`the command fails without any fault too (${how(without)}): repair that first`);
    return 1;
  }

  /** Those that fired when it broke in the same way; null when it did not. */
  const breaks = async (part: readonly FiredFault[]): Promise<FiredFault[] | null> => {
    const done = await once({ replay: journalOf(first.journal, part) }, base);
    return sameFailure(done, first) ? firedIn(done.journal, part) : null;
  };
  let reproduced: FiredFault[] | null = null;
  for (let i = 0; i < confirm && reproduced === null; i++) reproduced = await breaks(all);
  if (reproduced === null) {
    say(
      `it does not fail again: of ${confirm} runs with the same ${count(all.length)} none did. What the command does must not depend on chance: do its clients choose their own names?`,
    );
    return 1;
  }
  if (reproduced.length < all.length) say(`${all.length - reproduced.length} of them did not come to pass again, and were not needed`);

  const bar = progress(reproduced.length, "shrinking");
  let least = reproduced.length;
  const left = await ddmin(reproduced, async (part) => {
    const fewer = await breaks(part);
    // Once may be chance: a smaller set has to fail twice.
    const sure = fewer === null || fewer.length === 0 ? null : await breaks(fewer);
    if (sure !== null && sure.length > 0 && sure.length < least) {
      bar.step(least - sure.length, `${count(sure.length)} left, run ${runs}`);
      least = sure.length;
    } else bar.step(0, `${count(least)} left, run ${runs}`);
    return sure === null || sure.length === 0 ? null : sure;
  }).finally(() => bar.stop());

  let again = 0;
  for (let i = 0; i < confirm; i++) if ((await breaks(left)) !== null) again++;

  const { out } = flags;
  const repeat = repeatLine("exec", { ...withoutFaults(flags), chaos: [out] }, base.seed, argv);
  const kinds = new Map([
    ...first.journal.flatMap(faultsNamed),
    ...first.report.rules.map(({ id, fault }): [string, string] => [id, fault]),
  ]);
  await write(out, ruleFile(left, { seed: base.seed, repeat, rules: first.rules, kinds }));
  if (flags.json === true) {
    const faults = left.map(({ plugin, stream, ordinal, entries }) => ({ rule: plugin, stream, ordinal, entries }));
    console.log(JSON.stringify({ seed: base.seed, from: all.length, runs, failed: again, of: confirm, out, repeat, faults }, null, 2));
  } else {
    say(`${count(left.length)} of ${all.length} ${left.length === 1 ? "is" : "are"} enough, found in ${runs} runs:`);
    for (const fault of left) console.error(`  ${words(fault, kinds)}`);
    say(`written to ${out}: ${repeat}`);
  }
  if (again === confirm) return 0;
  say(`but it failed in ${again} of ${confirm} runs only: the command does not do the same each time`);
  return 1;
}

function failed({ ended }: Run): boolean {
  return ended.exitCode !== 0 || ended.timedOut;
}

/** Another failure is not the one that is looked for. */
function sameFailure({ ended }: Run, { ended: first }: Run): boolean {
  return ended.timedOut || first.timedOut ? ended.timedOut === first.timedOut : ended.exitCode === first.exitCode && ended.exitCode !== 0;
}

function how({ ended }: Run): string {
  return ended.timedOut ? "it does not end in time" : `exit code ${ended.exitCode}`;
}

function count(faults: number): string {
  return `${faults} fault${faults === 1 ? "" : "s"}`;
}

/** What is left of the flags when the faults come from a file of their own. */
function withoutFaults({ plugins: _plugins, replay: _replay, ...flags }: ShrinkFlags): SetupFlags {
  return flags;
}
