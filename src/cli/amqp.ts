import type { Command } from "commander";
import { fixtures } from "./fixtures/define.ts";
import { addAdmin, addServer, durationOption, pairOption, wholeOption, wordOption } from "./lib/options.ts";

/** `havoq amqp`: a client for any AMQP 0-9-1 broker. */
export default { name: "amqp", define };

const PORT = 5672;

function addLogin(command: Command): Command {
  return addServer(command, PORT)
    .option("--username <name>", "user name (guest)", "guest")
    .option("--password <text>", "password (guest)", "guest")
    .option("--vhost <name>", "virtual host (/)", "/");
}

/** Lists are no part of AMQP: havoq's HTTP API or RabbitMQ's management plugin knows them. */
function addLists(command: Command): Command {
  return addAdmin(command)
    .option("--management <url>", "ask RabbitMQ's management plugin there instead, such as http://localhost:15672")
    .option("--username <name>", "its user name (guest)", "guest")
    .option("--password <text>", "its password (guest)", "guest")
    .option("--vhost <name>", "only this virtual host")
    .option("--json", "print JSON");
}

function define(amqp: Command): void {
  amqp
    .description("exchanges, queues, bindings and messages of any AMQP 0-9-1 broker")
    .addHelpText("after", "\nExample:\n  havoq amqp publish --exchange tasks --routing-key mail --body hello");
  exchanges(amqp.command("exchange").alias("exchanges"));
  queues(amqp.command("queue").alias("queues"));
  const bindings = amqp
    .command("bindings")
    .description("list bindings")
    .addHelpText("after", "\nExample:\n  havoq amqp bindings list --queue email");
  addLists(bindings.command("list"))
    .description("bindings, those of one queue, or those of one exchange")
    .option("--queue <name>", "only those that lead to this queue")
    .option("--exchange <name>", "only those that begin at this exchange")
    .addHelpText("after", "\nExample:\n  havoq amqp bindings list --queue email")
    .action(async (options) => (await import("./amqp/lists.ts")).listBindings(options));
  messages(amqp);
  fixtures(amqp, "amqp");
}

function exchanges(command: Command): void {
  command
    .description("declare, delete and list exchanges")
    .addHelpText("after", "\nExample:\n  havoq amqp exchange declare --name tasks --type direct --durable");
  const load = () => import("./amqp/exchange.ts");
  addLogin(command.command("declare"))
    .description("make an exchange, if it is not there yet")
    .requiredOption("--name <name>", "name of the exchange")
    .option("--type <type>", "direct, topic, fanout or headers (direct)", wordOption("direct", "topic", "fanout", "headers"), "direct")
    .option("--durable", "keep it over a restart of the broker")
    .option("--auto-delete", "remove it with its last binding")
    .option("--argument <name=value>", "an argument such as alternate-exchange=rest; may stand more than once", pairOption)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq amqp exchange declare --name notifications --type topic --durable")
    .action(async (options) => (await load()).declareExchange(options));
  addLogin(command.command("delete"))
    .description("delete an exchange with its bindings")
    .requiredOption("--name <name>", "name of the exchange")
    .option("--if-unused", "only where nothing is bound to it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq amqp exchange delete --name notifications")
    .action(async (options) => (await load()).deleteExchange(options));
  addLists(command.command("list"))
    .description("all exchanges")
    .addHelpText("after", "\nExample:\n  havoq amqp exchange list")
    .action(async (options) => (await import("./amqp/lists.ts")).listExchanges(options));
}

function queues(command: Command): void {
  command
    .description("declare, bind, unbind, purge, delete and list queues")
    .addHelpText("after", "\nExample:\n  havoq amqp queue declare --name email --durable");
  const load = () => import("./amqp/queue.ts");
  addLogin(command.command("declare"))
    .description("make a queue, if it is not there yet")
    .option("--name <name>", "name of the queue; the broker chooses one when left out", "")
    .option("--durable", "keep it over a restart of the broker")
    .option("--auto-delete", "remove it with its last consumer")
    .option("--argument <name=value>", "an argument such as x-message-ttl=60000; may stand more than once", pairOption)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq amqp queue declare --name email --durable --argument x-max-length=1000")
    .action(async (options) => (await load()).declareQueue(options));
  for (const [name, what] of [
    ["bind", "have an exchange send messages to a queue"],
    ["unbind", "take a binding away again"],
  ] as const) {
    addLogin(command.command(name))
      .description(what)
      .requiredOption("--exchange <name>", "where messages come from")
      .requiredOption("--queue <name>", "where they go")
      .option("--routing-key <key>", "routing key or pattern of the binding", "")
      .option("--argument <name=value>", "an argument, for headers exchanges; may stand more than once", pairOption)
      .option("--json", "print JSON")
      .addHelpText(
        "after",
        `\nExample:\n  havoq amqp queue ${name} --exchange notifications --queue email --routing-key 'notification.email.*'`,
      )
      .action(async (options) => (await load())[name === "bind" ? "bindQueue" : "unbindQueue"](options));
  }
  addLogin(command.command("purge"))
    .description("remove the messages that wait in a queue")
    .requiredOption("--name <name>", "name of the queue")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq amqp queue purge --name email")
    .action(async (options) => (await load()).purgeQueue(options));
  addLogin(command.command("delete"))
    .description("delete a queue with what is in it")
    .requiredOption("--name <name>", "name of the queue")
    .option("--if-unused", "only where it has no consumers")
    .option("--if-empty", "only where it has no messages")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq amqp queue delete --name email")
    .action(async (options) => (await load()).deleteQueue(options));
  addLists(command.command("list"))
    .description("all queues, with what waits in them")
    .addHelpText("after", "\nExample:\n  havoq amqp queue list")
    .action(async (options) => (await import("./amqp/lists.ts")).listQueues(options));
}

function messages(amqp: Command): void {
  addLogin(amqp.command("publish"))
    .description("publish messages; without --body each line of standard input is one; fails where no queue takes them")
    .option("--exchange <name>", "where to; the default exchange, which knows every queue by its name, when left out", "")
    .option("--routing-key <key>", "routing key", "")
    .option("--body <text>", "body of the one message")
    .option("--property <name=value>", "contentType=…, messageId=…, expiration=…, deliveryMode=2 …; may stand more than once", pairOption)
    .option("--header <name=value>", "a header; may stand more than once", pairOption)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  havoq amqp publish --exchange notifications --routing-key notification.email.new --body hello --property contentType=text/plain",
    )
    .action(async (options) => (await import("./amqp/publish.ts")).publish(options));
  addLogin(amqp.command("consume"))
    .description("print messages of a queue as they come, until stopped; each is acknowledged once it is printed")
    .requiredOption("--queue <name>", "name of the queue")
    .option("--count <n>", "end after so many messages", wholeOption(1))
    .option("--timeout <duration>", "end when nothing came for so long; a failure if --count was not reached", durationOption)
    .option("--auto-ack", "have the broker take them as acknowledged when it sends them")
    .option("-v, --verbose", "print exchange, routing key and properties too")
    .option("--json", "print a JSON object a line")
    .addHelpText("after", "\nExample:\n  havoq amqp consume --queue email --count 10 --json")
    .action(async (options) => (await import("./amqp/consume.ts")).consume(options));
  addLogin(amqp.command("get"))
    .description("look at the first messages of a queue; they are put back, unless --auto-ack takes them")
    .requiredOption("--queue <name>", "name of the queue")
    .option("--count <n>", "how many (1)", wholeOption(1), 1)
    .option("--auto-ack", "take them out of the queue")
    .option("-v, --verbose", "print exchange, routing key and properties too")
    .option("--json", "print a JSON object a line")
    .addHelpText("after", "\nExample:\n  havoq amqp get --queue email --count 5")
    .action(async (options) => (await import("./amqp/get.ts")).get(options));
}
