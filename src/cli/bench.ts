import type { Command } from "commander";
import { durationOption, serverOption, sizeOption, wholeOption, wordOption } from "./lib/options.ts";

/** `havoq bench`: a load of its own. */
export default { name: "bench", define };

function define(command: Command): void {
  command
    .description(
      "send messages at a rate, or as fast as they go, receive them, and tell rates and latencies; fails when the wanted rate is not held or a message is lost",
    )
    .option("--protocol <name>", "kafka, mqtt or amqp (kafka)", wordOption("kafka", "mqtt", "amqp"), "kafka")
    .option("--server <host:port>", "the broker to load; one is started for it when left out", serverOption(0))
    .option("--rate <n>", "messages a second in all; as many as go when left out", wholeOption(1))
    .option("--duration <duration>", "how long (10s)", durationOption, 10_000)
    .option("--connections <n>", "connections that send; one more receives (1)", wholeOption(1, 100_000), 1)
    .option("--size <size>", "bytes of a message (100)", sizeOption, 100)
    .option("--qos <0|1|2>", "quality of service of MQTT (0)", wholeOption(0, 2), 0)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq bench --protocol mqtt --rate 10000 --duration 30s --connections 10")
    .action(async (options) => (await import("./bench/run.ts")).bench(options));
}
