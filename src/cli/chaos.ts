import type { Command } from "commander";
import { addAdmin, pairOption, wholeOption, wordOption } from "./lib/options.ts";

/** `havoq chaos`: the rules of a havoq that runs. */
export default { name: "chaos", define };

function addTarget(command: Command): Command {
  return addAdmin(command).option("--server <host:port>", "the same as --admin").option("--json", "print JSON");
}

function define(chaos: Command): void {
  chaos
    .description("list, add and remove the rules of a havoq that runs, and read its journal")
    .addHelpText("after", "\nExample:\n  havoq chaos apply flaky.yaml");
  addTarget(chaos.command("list"))
    .description("rules in force, with how often each matched and fired")
    .addHelpText("after", "\nExample:\n  havoq chaos list")
    .action(async (options) => (await import("./chaos/rules.ts")).listRules(options));
  addTarget(chaos.command("apply"))
    .argument("<file>", "YAML or JSON: a list of rules, or with chaos: in front")
    .description("put the rules of a file in force; those that an earlier version of the file brought go")
    .addHelpText("after", "\nExample:\n  havoq chaos apply flaky.yaml")
    .action(async (file: string, options) => (await import("./chaos/rules.ts")).applyFile(file, options));
  addTarget(chaos.command("add"))
    .description("put one rule in force")
    .requiredOption("--fault <name>", "what to do: latency, drop, lose-answer, …")
    .option("--with <option=value>", "an option of the fault; may be repeated", pairOption)
    .option("--name <name>", "what to call the rule; the fault's name when left out")
    .option("--protocol <protocol>", "only kafka, mqtt or amqp", wordOption("kafka", "mqtt", "amqp"))
    .option("--match <field=pattern>", "only what is so: topic=orders.*, client=payment-*, operation=Produce; may be repeated", pairOption)
    .option("--probability <p>", "how likely, from 0 to 1")
    .option("--times <n>", "fire at most so often", wholeOption(1))
    .option("--every <n>", "fire only on every n-th", wholeOption(1))
    .addHelpText("after", "\nExample:\n  havoq chaos add --fault latency --with ms=200 --match topic=orders --probability 0.2")
    .action(async (options) => (await import("./chaos/rules.ts")).addRule(options));
  addTarget(chaos.command("remove"))
    .argument("<id...>", "ids as list shows them")
    .description("remove rules; what their faults did to the brokers is taken back")
    .addHelpText("after", "\nExample:\n  havoq chaos remove latency")
    .action(async (ids: string[], options) => (await import("./chaos/rules.ts")).removeRules(ids, options));
  addTarget(chaos.command("clear"))
    .description("remove all rules but those of plugins")
    .addHelpText("after", "\nExample:\n  havoq chaos clear")
    .action(async (options) => (await import("./chaos/rules.ts")).clearRules(options));
  addTarget(chaos.command("journal"))
    .description("what fired; --output writes what serve --replay takes")
    .option("--rule <id>", "only of this rule or plugin")
    .option("--limit <n>", "only the last so many", wholeOption(1))
    .option("--follow", "go on with what fires from now on, until stopped")
    .option("--count <n>", "with --follow: end after so many", wholeOption(1))
    .option("--output <file>", "write the journal to a file: JSON lines, or MessagePack where it ends in .msgpack")
    .addHelpText("after", "\nExample:\n  havoq chaos journal --follow")
    .action(async (options) => (await import("./chaos/journal.ts")).journal(options));
}
