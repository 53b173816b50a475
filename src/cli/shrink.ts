import type { Command } from "commander";
import { addReplay, addSetup, count, duration, PATIENCE } from "./exec/setup.ts";
import type { ShrinkFlags } from "./shrink/shrink.ts";

/** `havoq shrink`: the smallest set of faults that still breaks a command. */
export default { name: "shrink", define };

function define(command: Command): void {
  command
    .argument("<command...>", "what to run, after --")
    .description(
      "run a failing command again and again with fewer and fewer of the faults that fired, and write the smallest set that still breaks it as a chaos file",
    )
    .option("--out <file>", "the chaos file to write", "havoq-shrunk.yaml")
    .option("--timeout <duration>", "how long one run may take; one that takes longer has failed", duration, PATIENCE)
    .option("--confirm <n>", "how often the result has to fail to be believed", count, 3)
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      "\nThe faults are those of the journal given with --replay, or of a first run with --chaos, --plugins and --seed;\n" +
        "without any of these the faults are those that `havoq explore` draws from.\n\n" +
        "Example:\n  havoq shrink --chaos flaky.yaml --seed 42 -- npm test",
    )
    .action(async (argv: string[], flags: ShrinkFlags) => {
      const { shrink } = await import("./shrink/shrink.ts");
      process.exit(await shrink(argv, flags));
    });
  addSetup(command);
  addReplay(command);
}
