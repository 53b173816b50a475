import type { Command } from "commander";
import { fixtures } from "./fixtures/define.ts";
import { addAdmin, addServer, durationOption, wholeOption, wordOption } from "./lib/options.ts";

/** `havoq mqtt`: a client for any MQTT broker. */
export default { name: "mqtt", define };

const PORT = 1883;

/** What every connection to an MQTT broker may need. */
function addLogin(command: Command): Command {
  return addServer(command, PORT)
    .option("--client-id <id>", "client id; a fresh one when left out")
    .option("--username <name>", "user name")
    .option("--password <text>", "password")
    .option("--mqtt-version <version>", "5 or 3.1.1 (5)", wordOption("5", "3.1.1"));
}

function define(mqtt: Command): void {
  mqtt
    .description("publish, subscribe, and look around on any MQTT broker")
    .addHelpText("after", "\nExample:\n  havoq mqtt publish --topic sensors/1 --payload 21.5 --retain");
  addLogin(mqtt.command("publish"))
    .description("publish messages; without --payload each line of standard input is one")
    .requiredOption("--topic <topic>", "where to")
    .option("--payload <text>", "payload of the one message; an empty one with --retain clears what is retained")
    .option("--qos <0|1|2>", "quality of service (0)", wholeOption(0, 2), 0)
    .option("--retain", "have the broker keep it for those who subscribe later")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq mqtt publish --topic sensors/1 --payload 21.5 --qos 1 --retain")
    .action(async (options) => (await import("./mqtt/publish.ts")).publish(options));
  addLogin(mqtt.command("subscribe"))
    .description("print messages as they come, until stopped")
    .requiredOption("--topic <filter>", "what to: a topic filter such as sensors/+/temperature or sensors/#")
    .option("--qos <0|1|2>", "quality of service (0)", wholeOption(0, 2), 0)
    .option("--count <n>", "end after so many messages", wholeOption(1))
    .option("--timeout <duration>", "end when nothing came for so long; a failure if --count was not reached", durationOption)
    .option("-v, --verbose", "print the topic too")
    .option("--json", "print a JSON object a line")
    .addHelpText("after", "\nExample:\n  havoq mqtt subscribe --topic 'sensors/#' -v --count 10")
    .action(async (options) => (await import("./mqtt/subscribe.ts")).subscribe(options));
  addLogin(mqtt.command("stats"))
    .description("connections, subscriptions and message rates, from the broker's $SYS topics")
    .option("--interval <duration>", "how long the rates are measured (1s)", durationOption, 1000)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq mqtt stats --interval 5s")
    .action(async (options) => (await import("./mqtt/stats.ts")).stats(options));

  const clients = mqtt
    .command("clients")
    .description("who is connected to havoq")
    .addHelpText("after", "\nExample:\n  havoq mqtt clients list");
  addAdmin(clients.command("list"))
    .description("sessions of havoq's MQTT broker, connected or not; asked over its HTTP API, for MQTT has no way to say it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq mqtt clients list")
    .action(async (options) => (await import("./mqtt/clients.ts")).listClients(options));

  const topics = mqtt
    .command("topics")
    .description("list topics, clear retained messages")
    .addHelpText("after", "\nExample:\n  havoq mqtt topics list --retained");
  addAdmin(addLogin(topics.command("list")))
    .description(
      "topics that messages came for, over havoq's HTTP API; with --retained those with a retained message, over MQTT from any broker",
    )
    .option("--retained", "ask the broker itself for what is retained")
    .option("--topic <filter>", "only topics that this filter meets (#)", "#")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq mqtt topics list --retained")
    .action(async (options) => (await import("./mqtt/topics.ts")).listTopics(options));
  addLogin(topics.command("clear-retained"))
    .description("clear the retained messages that a filter meets")
    .option("--topic <filter>", "topic filter (#)", "#")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq mqtt topics clear-retained --topic 'sensors/#'")
    .action(async (options) => (await import("./mqtt/topics.ts")).clearRetained(options));
  fixtures(mqtt, "mqtt");
}
