import { Command, CommanderError } from "commander";
import commands from "./cli/index.ts";

const VERSION = process.env.HAVOQ_VERSION ?? "dev";

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
async function main(args: string[]): Promise<number> {
  const program = new Command("havoq")
    .description("A Kafka cluster, an MQTT broker and an AMQP broker in one executable, made for tests.")
    .version(VERSION)
    .showSuggestionAfterError()
    .showHelpAfterError("(havoq --help tells more)")
    .exitOverride()
    .addHelpText("after", "\nExample:\n  havoq serve --plugins ./plugins");
  for (const add of commands) add(program);
  for (const command of everyCommand(program)) command.exitOverride();
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Help and --version are thrown too, with exit code 0; everything else commander throws is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(`havoq: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child as Command)]) as Command[];
}

process.exitCode = await main(process.argv.slice(2));
