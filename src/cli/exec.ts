import { Option, type Command } from "commander";
import type { ExecFlags } from "./exec/exec.ts";
import { addReplay, addSetup, reportFile } from "./exec/setup.ts";

/** `havoq exec`: a command, such as the tests of a project, with brokers of its own. */
export default { name: "exec", define };

function define(command: Command): void {
  command
    .argument("<command...>", "what to run, after --")
    .description("start the brokers on free ports, run a command with their addresses in its environment, end with its exit code")
    .option("--journal <file>", "write every fired verdict to this file: JSON lines, or MessagePack where it ends in .msgpack")
    .option("--trace", "print every operation as it passes, a line each")
    .addOption(
      new Option("--report <file>", "write what happened: JUnit XML, JSON or Markdown, by the ending .xml, .json or .md (repeatable)")
        .argParser(reportFile)
        .default([], "none"),
    )
    .addHelpText(
      "after",
      "\nThe command finds the brokers in KAFKA_BROKERS, MQTT_URL, AMQP_URL and HAVOQ_ADMIN_URL, and the seed in HAVOQ_SEED.\n" +
        "With GITHUB_STEP_SUMMARY set, a summary is appended to that file.\n\n" +
        "Example:\n  havoq exec --chaos flaky.yaml --report junit.xml -- npm test",
    )
    .action(async (argv: string[], flags: ExecFlags) => {
      const { exec } = await import("./exec/exec.ts");
      process.exit(await exec(argv, flags));
    });
  addSetup(command);
  addReplay(command);
}
