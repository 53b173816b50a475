import { Option, type Command } from "commander";
import { addSetup, count, duration, PATIENCE, reportFile } from "./exec/setup.ts";
import type { ExploreFlags } from "./explore/explore.ts";

/** `havoq explore`: which faults a system survives. */
export default { name: "explore", define };

function define(command: Command): void {
  command
    .argument("<command...>", "what to run, after --")
    .description("run a command with many seeds, one after the other, and tell which faults it survived")
    .option("--runs <n>", "how many seeds: --seed and those that follow it", count, 20)
    .option("--timeout <duration>", "how long one run may take; one that takes longer has failed", duration, PATIENCE)
    .addOption(
      new Option(
        "--report <file>",
        "write the result: JUnit XML (a test case for each seed), JSON or Markdown, by the ending .xml, .json or .md (repeatable)",
      )
        .argParser(reportFile)
        .default([], "none"),
    )
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      "\nWithout --chaos and --plugins each run meets some of a set of faults that every client has to be ready for, chosen by its seed.\n" +
        "The exit code is 1 when a run failed.\n\n" +
        "Example:\n  havoq explore --runs 50 -- npm test",
    )
    .action(async (argv: string[], flags: ExploreFlags) => {
      const { explore } = await import("./explore/explore.ts");
      process.exit(await explore(argv, flags));
    });
  addSetup(command);
}
