import type { Command } from "commander";
import { start } from "../app.ts";
import { DEFAULTS, type Config } from "../config/config.ts";

interface Flags {
  config?: string;
  host?: string;
  kafkaPort?: number;
  mqttPort?: number;
  mqttWebsocketPort?: number;
  amqpPort?: number;
  adminPort?: number;
  admin: boolean;
  kafkaBrokers?: number;
  plugins?: string;
  seed?: number;
  journal?: string;
  replay?: string;
  readyFile?: string;
  quiet?: boolean;
}

/** As commander takes them: flags, description, and what reads the value where it is not a text. */
const OPTIONS: readonly (readonly [flags: string, description: string, read?: (text: string) => number])[] = [
  ["--config <file>", "read a havoq.yaml"],
  ["--host <address>", "address to listen on (127.0.0.1)"],
  ["--kafka-port <port>", "port of the first Kafka broker (9092)", port],
  ["--kafka-brokers <n>", "number of Kafka brokers, one port each (1)", whole],
  ["--mqtt-port <port>", "MQTT port (1883)", port],
  ["--mqtt-websocket-port <port>", "port for MQTT over WebSocket (9001)", port],
  ["--amqp-port <port>", "AMQP port (5672)", port],
  ["--admin-port <port>", "port of the HTTP API (9080)", port],
  ["--no-admin", "without the HTTP API"],
  ["--plugins <dir>", "load the plugins in this folder, and again when they are saved"],
  ["--seed <n>", "seed of all random draws; a fresh one is chosen and printed when left out", whole],
  ["--journal <file>", "write every fired verdict to this file: JSON lines, or MessagePack where it ends in .msgpack"],
  ["--replay <file>", "fire the verdicts of this journal again, without plugins and draws"],
  ["--ready-file <file>", "once all ports are open, write them to this file as JSON"],
  ["--quiet", "print errors only"],
];

export default { name: "serve", define, plainFlags, run };

function define(command: Command): void {
  command.description("start the brokers and serve until stopped");
  for (const [flags, description, read] of OPTIONS) {
    if (read === undefined) command.option(flags, description);
    else command.option(flags, description, read);
  }
  command.addHelpText("after", "\nA port of 0 picks a free one.\n\nExample:\n  havoq serve --plugins ./plugins --seed 42").action(run);
}

/** What commander makes of arguments that are all `--name value` with known names; null for any others. */
function plainFlags(args: readonly string[]): Flags | null {
  const flags: Record<string, unknown> = { admin: true };
  for (let i = 0; i < args.length; i++) {
    const option = OPTIONS.find(([words]) => words.split(" ", 1)[0] === args[i]);
    if (option === undefined) return null;
    const [words, , read] = option;
    const name = words.split(" ", 1)[0]!.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (!words.includes("<")) {
      if (name === "noAdmin") flags.admin = false;
      else flags[name] = true;
      continue;
    }
    const value = args[++i];
    if (value === undefined || value.startsWith("-")) return null;
    try {
      flags[name] = read === undefined ? value : read(value);
    } catch {
      return null; // commander tells what is wrong with it
    }
  }
  return flags as unknown as Flags;
}

async function run(flags: Flags): Promise<void> {
  const config = await configOf(flags);
  const print = (line: string): void => console.log(line);
  const havoq = await start(config, {
    print: (line) => console.error(line),
    fatal: (error) => {
      console.error(error);
      process.exit(1);
    },
    ...(flags.journal === undefined ? {} : { journalFile: flags.journal }),
    ...(flags.replay === undefined ? {} : { replayFile: flags.replay }),
  });
  if (!flags.quiet) for (const line of havoq.summary()) print(line);
  if (flags.readyFile !== undefined) await writeReadyFile(flags.readyFile, JSON.stringify(havoq.addresses()));
  const stop = (): void => {
    // A second signal does not wait.
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));
    void havoq.stop().then(() => process.exit(0));
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
}

/** Whoever waits for the file must never see half of it. */
async function writeReadyFile(path: string, text: string): Promise<void> {
  const { renameSync, writeFileSync } = await import("node:fs");
  writeFileSync(`${path}.part`, `${text}\n`);
  renameSync(`${path}.part`, path);
}

/** Flag, then environment, then file, then default. */
async function configOf(flags: Flags): Promise<Config> {
  let config: Config = structuredClone(DEFAULTS);
  if (flags.config !== undefined) {
    const { parseConfig } = await import("../config/file.ts");
    config = parseConfig(await Bun.file(flags.config).text(), flags.config);
  }
  const env = process.env;
  const number = (name: string, check: (text: string) => number): number | undefined => {
    const text = env[name];
    if (text === undefined || text === "") return undefined;
    try {
      return check(text);
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
  };
  config.host = flags.host ?? env.HAVOQ_HOST ?? config.host;
  config.seed = flags.seed ?? number("HAVOQ_SEED", whole) ?? config.seed;
  config.kafka.port = flags.kafkaPort ?? number("HAVOQ_KAFKA_PORT", port) ?? config.kafka.port;
  config.kafka.brokers = flags.kafkaBrokers ?? number("HAVOQ_KAFKA_BROKERS", whole) ?? config.kafka.brokers;
  config.mqtt.port = flags.mqttPort ?? number("HAVOQ_MQTT_PORT", port) ?? config.mqtt.port;
  // Who asks for any free port asks for all of them to be free.
  config.mqtt.websocket_port =
    flags.mqttWebsocketPort ?? number("HAVOQ_MQTT_WEBSOCKET_PORT", port) ?? (config.mqtt.port === 0 ? 0 : config.mqtt.websocket_port);
  config.amqp.port = flags.amqpPort ?? number("HAVOQ_AMQP_PORT", port) ?? config.amqp.port;
  config.admin.port = flags.adminPort ?? number("HAVOQ_ADMIN_PORT", port) ?? config.admin.port;
  config.admin.enabled = flags.admin && config.admin.enabled;
  config.plugins.dir = flags.plugins ?? env.HAVOQ_PLUGINS ?? config.plugins.dir;
  return config;
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw invalid(`${text} is not a whole number.`);
  return value;
}

function port(text: string): number {
  const value = whole(text);
  if (value > 65_535) throw invalid(`${text} is not a port (0 to 65535).`);
  return value;
}

/** What commander prints as wrong usage; commander itself is not loaded for it. */
function invalid(message: string): Error {
  return Object.assign(new Error(message), { code: "commander.invalidArgument" });
}
