import type { Command } from "commander";
import { fixtures } from "./fixtures/define.ts";
import { addServer, durationOption, pairOption, wholeOption } from "./lib/options.ts";

/** `havoq kafka`: a client for any Kafka cluster. */
export default { name: "kafka", define };

const PORT = 9092;

function define(kafka: Command): void {
  kafka
    .description("produce, consume, and look after topics and groups of any Kafka cluster")
    .addHelpText("after", "\nExample:\n  havoq kafka produce --topic orders --key o-1 --value '{\"total\":10}'");
  addServer(kafka.command("produce"), PORT)
    .description("send messages; without --value each line of standard input is one")
    .requiredOption("--topic <name>", "where to")
    .option("--key <text>", "key of the messages; decides the partition")
    .option("--value <text>", "value of the one message")
    .option("--header <name=value>", "a header; may stand more than once", pairOption)
    .option("--partition <n>", "partition, in place of what the key would choose", wholeOption(0, 2 ** 31 - 1))
    .option("--json", "print where the messages went as JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka produce --topic orders --key o-1 --value '{\"total\":10}' --header source=shop")
    .action(async (options) => (await import("./kafka/produce.ts")).produce(options));
  addServer(kafka.command("consume"), PORT)
    .description("print messages as they come, until stopped; without --group no position is kept")
    .requiredOption("--topic <name>", "what from")
    .option("--group <name>", "join this consumer group and keep its position")
    .option("--from <where>", "beginning, end, or an offset; a group starts there only where it has no position (beginning)")
    .option("--partition <n>", "only this partition (not with --group)", wholeOption(0, 2 ** 31 - 1))
    .option("--count <n>", "end after so many messages", wholeOption(1))
    .option("--timeout <duration>", "end when nothing came for so long; a failure if --count was not reached", durationOption)
    .option("-v, --verbose", "print partition, offset, key and headers too")
    .option("--json", "print a JSON object a line")
    .addHelpText("after", "\nExample:\n  havoq kafka consume --topic orders --from beginning --count 10 --json")
    .action(async (options) => (await import("./kafka/consume.ts")).consume(options));
  topics(kafka.command("topics").alias("topic"));
  groups(kafka.command("consumer-groups").alias("groups"));
  fixtures(kafka, "kafka");
}

function topics(command: Command): void {
  command
    .description("list, create, describe and delete topics")
    .addHelpText("after", "\nExample:\n  havoq kafka topics create orders --partitions 6");
  const load = () => import("./kafka/topics.ts");
  addServer(command.command("list"), PORT)
    .description("all topics")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka topics list")
    .action(async (options) => (await load()).listTopics(options));
  addServer(command.command("create").argument("<name>", "name of the topic"), PORT)
    .description("create a topic")
    .option("--partitions <n>", "number of partitions; what the brokers have set when left out", wholeOption(1, 2 ** 31 - 1))
    .option("--replication-factor <n>", "copies of each partition; what the brokers have set when left out", wholeOption(1, 32_767))
    .option("--config <name=value>", "a topic configuration such as retention.ms=60000; may stand more than once", pairOption)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka topics create orders --partitions 6 --config cleanup.policy=compact")
    .action(async (name, options) => (await load()).createTopic(name, options));
  addServer(command.command("describe").argument("<name>", "name of the topic"), PORT)
    .description("partitions, leaders, offsets and configuration of a topic")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka topics describe orders")
    .action(async (name, options) => (await load()).describeTopic(name, options));
  addServer(command.command("delete").argument("<name>", "name of the topic"), PORT)
    .description("delete a topic with all its messages")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka topics delete orders")
    .action(async (name, options) => (await load()).deleteTopic(name, options));
}

function groups(command: Command): void {
  command
    .description("list, describe, reset and delete consumer groups")
    .addHelpText("after", "\nExample:\n  havoq kafka consumer-groups describe --group billing");
  const load = () => import("./kafka/groups.ts");
  addServer(command.command("list"), PORT)
    .description("all groups")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka consumer-groups list")
    .action(async (options) => (await load()).listGroups(options));
  addServer(command.command("describe"), PORT)
    .description("members of a group, its position in each partition, and how far that is behind")
    .requiredOption("--group <name>", "the group")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka consumer-groups describe --group billing")
    .action(async (options) => (await load()).describeGroup(options));
  addServer(command.command("reset-offsets"), PORT)
    .description("set the position of a group that has no members now")
    .requiredOption("--group <name>", "the group")
    .requiredOption("--topic <name>", "the topic")
    .requiredOption("--to <where>", "beginning, end, an offset, or a time such as 2026-01-31T12:00:00Z")
    .option("--partition <n>", "only this partition", wholeOption(0, 2 ** 31 - 1))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka consumer-groups reset-offsets --group billing --topic orders --to beginning")
    .action(async (options) => (await load()).resetOffsets(options));
  addServer(command.command("delete"), PORT)
    .description("forget a group that has no members now, and its positions")
    .requiredOption("--group <name>", "the group")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq kafka consumer-groups delete --group billing")
    .action(async (options) => (await load()).deleteGroup(options));
}
