import type { Command } from "commander";
import { type Addresses, summaryOf } from "../config/addresses.ts";
import { start, type Havoq } from "../app.ts";
import type { Config } from "../config/config.ts";
import type { Setting } from "../config/layers.ts";
import { worldOf, type World } from "../control/world.ts";
import { loadConfig } from "../config/load.ts";
import type { ChaosFile } from "../scenarios/file.ts";
import type { Chaos } from "../scenarios/scenarios.ts";

export interface Flags {
  config?: string;
  host?: string;
  kafkaPort?: number;
  mqttPort?: number;
  mqttWebsocketPort?: number;
  amqpPort?: number;
  adminPort?: number;
  admin?: boolean;
  metrics?: boolean;
  fixtures?: string;
  kafkaBrokers?: number;
  plugins?: string;
  seed?: number;
  journal?: string;
  replay?: string;
  chaos?: string;
  oracle?: string;
  readyFile?: string;
  quiet?: boolean;
  trace?: boolean;
}

/** A flag, written out: what is derived at every start costs every start. */
interface Option {
  word: `--${string}`;
  /** As commander calls it; `admin` for `--no-admin` too. */
  name: keyof Flags;
  /** What follows the word; a flag without one is on or off. */
  value?: string;
  description: string;
  /** The key of havoq.yaml that it sets. */
  key?: string;
  /** Reads the value where it is not a text. */
  read?(text: string): number;
}

const OPTIONS: readonly Option[] = [
  { word: "--config", name: "config", value: "<file>", description: "read a havoq.yaml" },
  { word: "--host", name: "host", value: "<address>", description: "address to listen on (127.0.0.1)", key: "host" },
  {
    word: "--kafka-port",
    name: "kafkaPort",
    value: "<port>",
    description: "port of the first Kafka broker (9092)",
    key: "kafka.port",
    read: port,
  },
  {
    word: "--kafka-brokers",
    name: "kafkaBrokers",
    value: "<n>",
    description: "number of Kafka brokers, one port each (1)",
    key: "kafka.brokers",
    read: brokers,
  },
  { word: "--mqtt-port", name: "mqttPort", value: "<port>", description: "MQTT port (1883)", key: "mqtt.port", read: port },
  {
    word: "--mqtt-websocket-port",
    name: "mqttWebsocketPort",
    value: "<port>",
    description: "port for MQTT over WebSocket (9001)",
    key: "mqtt.websocket_port",
    read: port,
  },
  { word: "--amqp-port", name: "amqpPort", value: "<port>", description: "AMQP port (5672)", key: "amqp.port", read: port },
  {
    word: "--admin",
    name: "admin",
    description: "with the HTTP API, also where the configuration has switched it off",
    key: "admin.enabled",
  },
  { word: "--no-admin", name: "admin", description: "without the HTTP API", key: "admin.enabled" },
  { word: "--admin-port", name: "adminPort", value: "<port>", description: "port of the HTTP API (9080)", key: "admin.port", read: port },
  {
    word: "--metrics",
    name: "metrics",
    description: "with Prometheus metrics at /metrics of the HTTP API, which this switches on too",
    key: "admin.enabled",
  },
  {
    word: "--plugins",
    name: "plugins",
    value: "<dir>",
    description: "load the plugins in this folder, and again when they are saved",
    key: "plugins.dir",
  },
  { word: "--fixtures", name: "fixtures", value: "<dir>", description: "load the fixtures in this folder's kafka, mqtt and amqp" },
  {
    word: "--seed",
    name: "seed",
    value: "<n>",
    description: "seed of all random draws; a fresh one is chosen and printed when left out",
    key: "seed",
    read: whole,
  },
  {
    word: "--journal",
    name: "journal",
    value: "<file>",
    description: "write every fired verdict to this file: JSON lines, or MessagePack where it ends in .msgpack",
  },
  { word: "--replay", name: "replay", value: "<file>", description: "fire the verdicts of this journal again, without plugins and draws" },
  {
    word: "--chaos",
    name: "chaos",
    value: "<file>",
    description: "put the rules of this file in force and run its scenarios; what does not hold at the end makes the exit code 1",
  },
  {
    word: "--oracle",
    name: "oracle",
    value: "<file>",
    description:
      "keep account of every message, and write at the end what was lost, doubled, out of order or left over: JSON, or text where it ends in .txt",
  },
  { word: "--ready-file", name: "readyFile", value: "<file>", description: "once all ports are open, write them to this file as JSON" },
  { word: "--trace", name: "trace", description: "print every operation as it passes, a line each" },
  { word: "--quiet", name: "quiet", description: "print errors only" },
];

/** Options of serve that hold for a gateway too. */
export const gatewayOptions = (): Option[] => OPTIONS.filter(({ name }) => !["fixtures", "kafkaBrokers", "oracle"].includes(name));

/** Those that say what the configuration is. */
export const configOptions = (): Option[] =>
  OPTIONS.filter(({ name, key }) => key !== undefined || name === "config" || name === "fixtures");

export default { name: "serve", define, plainFlags, run };

/** Tells commander. */
export function addOption(command: Command, { word, value, description, read }: Option): void {
  const flags = value === undefined ? word : `${word} ${value}`;
  if (read === undefined) command.option(flags, description);
  else command.option(flags, description, read);
}

function define(command: Command): void {
  command.description("start the brokers and serve until stopped");
  for (const option of OPTIONS) addOption(command, option);
  command.addHelpText("after", "\nA port of 0 picks a free one.\n\nExample:\n  havoq serve --plugins ./plugins --seed 42").action(run);
}

/** What commander makes of arguments that are all `--name value` with known names; null for any others. */
function plainFlags(args: readonly string[]): Flags | null {
  const flags: Record<string, unknown> = {};
  for (let i = 0; i < args.length; i++) {
    const option = optionOf(args[i]!);
    if (option === null) return null;
    if (option.value === undefined) {
      flags[option.name] = !option.word.startsWith("--no-");
      continue;
    }
    const value = args[++i];
    if (value === undefined || value.startsWith("-")) return null;
    try {
      flags[option.name] = option.read === undefined ? value : option.read(value);
    } catch {
      return null; // commander tells what is wrong with it
    }
  }
  return flags as Flags;
}

function optionOf(word: string): Option | null {
  for (const option of OPTIONS) if (option.word === word) return option;
  return null;
}

async function run(flags: Flags): Promise<void> {
  await serve(flags, await settingsOf(flags));
}

/** Serves until a signal comes. */
export async function serve(flags: Flags, settings: Setting[]): Promise<void> {
  const config = await loadConfig({ config: flags.config, settings });
  if (flags.oracle !== undefined) config.oracle ||= true;
  const file = flags.chaos === undefined ? null : await readChaos(flags.chaos, worldOf(config), flags.replay);
  const announce = async (addresses: Addresses, summary: string[]): Promise<void> => {
    if (!flags.quiet) for (const line of summary) console.log(line);
    if (flags.readyFile !== undefined) await writeReadyFile(flags.readyFile, JSON.stringify(addresses));
  };
  // Before the first word that it is ready.
  const { promise: started, resolve } = Promise.withResolvers<[Havoq, Chaos | null]>();
  const stop = (): void => {
    // A second signal does not wait.
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));
    void started.then(([havoq, chaos]) => end(havoq, flags, chaos)).then((code) => process.exit(code));
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  // Where nothing can go wrong with them any more, the brokers need not be there: who connects waits some milliseconds for them.
  const plain = isPlain(config, flags);
  const havoq = await start(config, {
    print: (line) => console.error(line),
    fatal: (error) => {
      console.error(error);
      process.exit(1);
    },
    ...(plain ? { opened: (addresses) => announce(addresses, summaryOf(addresses)) } : {}),
    ...(flags.trace === true ? { trace: (line: string) => console.error(line) } : {}),
    ...(flags.journal === undefined ? {} : { journalFile: flags.journal }),
    ...(flags.replay === undefined ? {} : { replayFile: flags.replay }),
  });
  resolve([havoq, file === null ? null : await havoq.scenarios.start(file)]);
  if (!plain) await announce(havoq.addresses(), havoq.summary());
}

/** Whether there are but ports, users and topics: nothing that is read or loaded after the ports are open. */
function isPlain({ plugins, kafka, mqtt, amqp, chaos, oracle }: Config, flags: Flags): boolean {
  const paths = [plugins.dir, kafka.fixtures_dir, mqtt.fixtures_dir, amqp.fixtures_dir, flags.chaos, flags.journal, flags.replay];
  for (const path of paths) if (path !== undefined) return false;
  return chaos.length === 0 && oracle === false;
}

/** A chaos file without flaws. */
export async function readChaos(path: string, world: World, replay?: string): Promise<ChaosFile> {
  if (replay !== undefined) throw new Error("--chaos and --replay: a replay fires what its journal says, and nothing else");
  if (!(await Bun.file(path).exists())) throw new Error(`there is no file ${path}`);
  const { parseChaosFile } = await import("../scenarios/file.ts");
  const file = parseChaosFile(await Bun.file(path).text(), path, world);
  if (file.errors.length > 0) throw new Error(file.errors.map(({ message }) => message).join("\n"));
  return file;
}

/** The exit code. */
async function end(havoq: Havoq, { oracle: file }: Flags, chaos: Chaos | null): Promise<number> {
  const result = await chaos?.finish();
  if (result !== undefined) {
    const { resultLines, verdictLines } = await import("../scenarios/text.ts");
    for (const line of [...result.scenarios.flatMap(resultLines), ...verdictLines(result.expectations)]) console.error(line);
  }
  // What the brokers cut when they stop is no finding.
  const report = havoq.oracle?.report();
  await havoq.stop();
  const code = result === undefined || result.passed ? 0 : 1;
  if (file === undefined || report === undefined) return code;
  const { reportText } = await import("../oracle/report.ts");
  await Bun.write(file, `${file.endsWith(".txt") ? reportText(report) : JSON.stringify(report, null, 2)}\n`);
  return code;
}

/** Whoever waits for the file must never see half of it. */
async function writeReadyFile(path: string, text: string): Promise<void> {
  const { renameSync, writeFileSync } = await import("node:fs");
  writeFileSync(`${path}.part`, `${text}\n`);
  renameSync(`${path}.part`, path);
}

/** The values that flags give to keys of havoq.yaml. */
export async function settingsOf(flags: Flags): Promise<Setting[]> {
  const settings: Setting[] = [];
  for (const { word, name, key } of OPTIONS) {
    const value = flags[name];
    if (key === undefined || value === undefined) continue;
    // --admin and --no-admin are one name, of which one was said.
    if ((value === false) === word.startsWith("--no-")) settings.push({ key, value, from: word });
  }
  return flags.fixtures === undefined ? settings : [...settings, ...(await fixtureFolders(flags.fixtures))];
}

async function fixtureFolders(dir: string): Promise<Setting[]> {
  const [{ existsSync }, { join }] = await Promise.all([import("node:fs"), import("node:path")]);
  const found = ["kafka", "mqtt", "amqp"].filter((protocol) => existsSync(join(dir, protocol)));
  if (found.length === 0) throw new Error(`--fixtures ${dir}: there is no folder kafka, mqtt or amqp in it`);
  return found.map((protocol) => ({ key: `${protocol}.fixtures_dir`, value: join(dir, protocol), from: "--fixtures" }));
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw invalid(`${text} is not a whole number.`);
  return value;
}

function brokers(text: string): number {
  const value = whole(text);
  if (value < 1 || value > 100) throw invalid(`${text} is not a number of brokers (1 to 100).`);
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
