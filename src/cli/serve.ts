import type { Command } from "commander";
import { start, type Havoq } from "../app.ts";
import type { Setting } from "../config/layers.ts";
import type { World } from "../hooks/rule.ts";
import { loadConfig } from "../load-config.ts";
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
}

/** A flag as commander takes it. */
interface Option {
  flags: string;
  description: string;
  /** The key of havoq.yaml that it sets. */
  key?: string;
  /** Reads the value where it is not a text. */
  read?(text: string): number;
}

const OPTIONS: readonly Option[] = [
  { flags: "--config <file>", description: "read a havoq.yaml" },
  { flags: "--host <address>", description: "address to listen on (127.0.0.1)", key: "host" },
  { flags: "--kafka-port <port>", description: "port of the first Kafka broker (9092)", key: "kafka.port", read: port },
  { flags: "--kafka-brokers <n>", description: "number of Kafka brokers, one port each (1)", key: "kafka.brokers", read: brokers },
  { flags: "--mqtt-port <port>", description: "MQTT port (1883)", key: "mqtt.port", read: port },
  { flags: "--mqtt-websocket-port <port>", description: "port for MQTT over WebSocket (9001)", key: "mqtt.websocket_port", read: port },
  { flags: "--amqp-port <port>", description: "AMQP port (5672)", key: "amqp.port", read: port },
  { flags: "--admin", description: "with the HTTP API, also where the configuration has switched it off", key: "admin.enabled" },
  { flags: "--no-admin", description: "without the HTTP API", key: "admin.enabled" },
  { flags: "--admin-port <port>", description: "port of the HTTP API (9080)", key: "admin.port", read: port },
  { flags: "--metrics", description: "with Prometheus metrics at /metrics of the HTTP API, which this switches on too", key: "admin.enabled" },
  { flags: "--plugins <dir>", description: "load the plugins in this folder, and again when they are saved", key: "plugins.dir" },
  { flags: "--fixtures <dir>", description: "load the fixtures in this folder's kafka, mqtt and amqp" },
  { flags: "--seed <n>", description: "seed of all random draws; a fresh one is chosen and printed when left out", key: "seed", read: whole },
  { flags: "--journal <file>", description: "write every fired verdict to this file: JSON lines, or MessagePack where it ends in .msgpack" },
  { flags: "--replay <file>", description: "fire the verdicts of this journal again, without plugins and draws" },
  { flags: "--chaos <file>", description: "put the rules of this file in force and run its scenarios; what does not hold at the end makes the exit code 1" },
  { flags: "--oracle <file>", description: "keep account of every message, and write at the end what was lost, doubled, out of order or left over: JSON, or text where it ends in .txt" },
  { flags: "--ready-file <file>", description: "once all ports are open, write them to this file as JSON" },
  { flags: "--quiet", description: "print errors only" },
];

/** Those that say what the configuration is. */
export const CONFIG_OPTIONS = OPTIONS.filter(({ flags, key }) => key !== undefined || /^--(config|fixtures) /.test(flags));

export default { name: "serve", define, plainFlags, run };

function define(command: Command): void {
  command.description("start the brokers and serve until stopped");
  for (const { flags, description, read } of OPTIONS) {
    if (read === undefined) command.option(flags, description);
    else command.option(flags, description, read);
  }
  command.addHelpText("after", "\nA port of 0 picks a free one.\n\nExample:\n  havoq serve --plugins ./plugins --seed 42").action(run);
}

/** What commander makes of arguments that are all `--name value` with known names; null for any others. */
function plainFlags(args: readonly string[]): Flags | null {
  const flags: Record<string, unknown> = {};
  for (let i = 0; i < args.length; i++) {
    const option = OPTIONS.find((one) => wordOf(one) === args[i]);
    if (option === undefined) return null;
    if (!option.flags.includes("<")) {
      flags[nameOf(option)] = !wordOf(option).startsWith("--no-");
      continue;
    }
    const value = args[++i];
    if (value === undefined || value.startsWith("-")) return null;
    try {
      flags[nameOf(option)] = option.read === undefined ? value : option.read(value);
    } catch {
      return null; // commander tells what is wrong with it
    }
  }
  return flags as Flags;
}

/** `--kafka-port` */
const wordOf = ({ flags }: Option): string => flags.split(" ", 1)[0]!;
/** `kafkaPort`, as commander calls it; `admin` for `--no-admin`. */
const nameOf = (option: Option): string => wordOf(option).replace(/^--(no-)?/, "").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

async function run(flags: Flags): Promise<void> {
  const config = await loadConfig({ config: flags.config, settings: await settingsOf(flags) });
  if (flags.oracle !== undefined) config.oracle ||= true;
  const print = (line: string): void => console.log(line);
  const file = flags.chaos === undefined ? null : await readChaos(flags.chaos, { brokers: config.kafka.brokers }, flags.replay);
  const havoq = await start(config, {
    print: (line) => console.error(line),
    fatal: (error) => {
      console.error(error);
      process.exit(1);
    },
    ...(flags.journal === undefined ? {} : { journalFile: flags.journal }),
    ...(flags.replay === undefined ? {} : { replayFile: flags.replay }),
  });
  const chaos = file === null ? null : await havoq.scenarios.start(file);
  if (!flags.quiet) for (const line of havoq.summary()) print(line);
  if (flags.readyFile !== undefined) await writeReadyFile(flags.readyFile, JSON.stringify(havoq.addresses()));
  const stop = (): void => {
    // A second signal does not wait.
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));
    void end(havoq, flags, chaos).then((code) => process.exit(code));
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
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
  const settings = OPTIONS.flatMap((option): Setting[] => {
    const value = (flags as Record<string, unknown>)[nameOf(option)];
    // --admin and --no-admin are one name, of which one was said.
    if (option.key === undefined || value === undefined || (value === false) !== wordOf(option).startsWith("--no-")) return [];
    return [{ key: option.key, value, from: wordOf(option) }];
  });
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
