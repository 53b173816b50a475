import { type Command, InvalidArgumentError } from "commander";
import type { Setting } from "../config/layers.ts";
import { addOption, type Flags, gatewayOptions, serve, settingsOf } from "./serve.ts";

/** The protocols that a gateway can stand in front of, and what each upstream is. */
const UPSTREAMS = {
  kafka: "a broker of the real Kafka cluster",
  mqtt: "the real MQTT broker",
  amqp: "the real AMQP 0-9-1 broker",
} as const;
type Upstream = keyof typeof UPSTREAMS;

export default { name: "gateway", define };

function define(command: Command): void {
  command.description("stand in front of real brokers, with the same plugins, rules and journal as in front of havoq's own");
  for (const [protocol, what] of Object.entries(UPSTREAMS)) command.option(`--${protocol} <host:port>`, what, address);
  for (const option of gatewayOptions()) addOption(command, option);
  command
    .addHelpText(
      "after",
      "\nClients connect to havoq's ports instead of the real ones; protocols without an upstream are off.\n\n" +
        "Example:\n  havoq gateway --kafka localhost:9092 --kafka-port 19092 --plugins ./plugins",
    )
    .action(run);
}

function address(text: string): string {
  const port = Number(/^[^\s/]+:(\d{1,5})$/.exec(text)?.[1] ?? Number.NaN);
  if (!(port >= 1 && port <= 65_535)) throw new InvalidArgumentError(`expected HOST:PORT, such as localhost:9092.`);
  return text;
}

async function run(flags: Flags & Partial<Record<Upstream, string>>, command: Command): Promise<void> {
  const protocols = Object.keys(UPSTREAMS) as Upstream[];
  const given = protocols.filter((protocol) => flags[protocol] !== undefined);
  if (given.length === 0 && flags.config === undefined) command.error("error: give at least one of --kafka, --mqtt and --amqp");
  const settings: Setting[] = await settingsOf(flags);
  for (const protocol of given) settings.push({ key: `${protocol}.upstream`, value: flags[protocol], from: `--${protocol}` });
  if (given.length > 0) {
    for (const protocol of protocols) settings.push({ key: `${protocol}.enabled`, value: given.includes(protocol), from: "gateway" });
  }
  await serve(flags, settings);
}
