import { Command, CommanderError } from "commander";
import commands from "./cli/index.ts";
import { UsageError } from "./cli/lib/errors.ts";
import { systemClock } from "./cli/lib/time.ts";
import { VERSION } from "./core/version.ts";

/** All commands with their options. */
export function havoqProgram(): Command {
  const program = new Command("havoq")
    .description("A Kafka cluster, an MQTT broker and an AMQP broker in one executable, made for tests.")
    .version(VERSION)
    .addHelpText("after", "\nExample:\n  havoq serve --plugins ./plugins");
  for (const { name, define } of commands) define(program.command(name));
  for (const command of everyCommand(program)) command.showSuggestionAfterError().showHelpAfterError("(--help tells more)").exitOverride();
  return program;
}

/** Runs the command that the arguments name. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function runProgram(args: string[]): Promise<number> {
  try {
    await havoqProgram().parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Help and --version are thrown too, with exit code 0; everything else commander throws is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(`havoq: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof UsageError)) return 1;
    console.error("(--help tells more)");
    return 2;
  } finally {
    systemClock.stop();
  }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => everyCommand(child as Command))];
}
