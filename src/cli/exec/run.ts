import { start, type Havoq, type StartOptions } from "../../app.ts";
import type { Config } from "../../config/config.ts";
import { VERSION } from "../../havoq.ts";
import { AdvanceableClock } from "../../hooks/clock.ts";
import type { JournalLine } from "../../hooks/journal.ts";
import { describeFault, FaultCounts } from "../../report/faults.ts";
import type { PluginOutcome, RunReport } from "../../report/report.ts";
import { runChild, type Ended } from "./child.ts";

export interface RunOptions {
  config: Config;
  argv: readonly string[];
  /** The line that runs the same again, once the seed is known. */
  repeat(seed: number): string;
  /** Before the command starts. */
  started?(seed: number): void;
  /** Fires the entries of this journal, or of this journal's file; no rule and no plugin is asked. */
  replay?: readonly JournalLine[];
  replayFile?: string;
  journalFile?: string;
  /** Keep the command's output from the terminal, and what the brokers print. */
  quiet?: boolean;
  /** Milliseconds that the command may run. */
  timeout?: number;
}

export interface Run {
  report: RunReport;
  ended: Ended;
  /** The journal: what it would take to replay it. */
  journal: JournalLine[];
}

/** Runs a command once with brokers of its own, which end with it whatever comes. */
export async function run(options: RunOptions): Promise<Run> {
  const { config, argv, quiet = false } = options;
  const printed: string[] = [];
  const journal: JournalLine[] = [];
  const counts = new FaultCounts();
  const startOptions: StartOptions = {
    print: (line) => {
      printed.push(line);
      if (!quiet) process.stderr.write(`${line}\n`);
    },
    journal: (line) => {
      journal.push(line);
      counts.add(line);
    },
    ...(options.replay === undefined ? {} : { replay: options.replay }),
    ...(options.replayFile === undefined ? {} : { replayFile: options.replayFile }),
    ...(options.journalFile === undefined ? {} : { journalFile: options.journalFile }),
  };
  const clock = new AdvanceableClock();
  const havoq = await start(freePorts(config), startOptions);
  try {
    options.started?.(havoq.seed);
    const begun = clock.now();
    const ended = await runChild(argv, { env: environment(havoq), quiet, clock, ...(options.timeout === undefined ? {} : { timeout: options.timeout }) });
    const milliseconds = clock.now() - begun;
    const plugins = failedPlugins(havoq, printed);
    const failures = [
      ...(ended.timedOut ? [`the command did not end within ${options.timeout} ms`] : ended.exitCode === 0 ? [] : [`the command ended with exit code ${ended.exitCode}`]),
      ...plugins.map(({ name, messages }) => `plugin ${name} failed: ${messages[0]?.split("\n")[0] ?? "see above"}`),
    ];
    const report: RunReport = {
      havoq: VERSION,
      seed: havoq.seed,
      passed: failures.length === 0,
      failures,
      command: { argv: [...argv], exitCode: ended.exitCode, milliseconds },
      rules: [],
      faults: counts.list(),
      scenarios: [],
      expectations: [],
      oracle: null,
      plugins,
      repeat: options.repeat(havoq.seed),
    };
    return { report, ended, journal };
  } finally {
    clock.stop();
    await havoq.stop();
  }
}

/** Commands that run side by side must not meet, and nobody's standard ports are taken. */
function freePorts(config: Config): Config {
  const free = structuredClone(config);
  free.kafka.port = free.mqtt.port = free.mqtt.websocket_port = free.amqp.port = free.admin.port = 0;
  for (const part of [free.kafka, free.mqtt, free.amqp]) if (part.tls_port !== undefined) part.tls_port = 0;
  return free;
}

/** How the command finds the brokers. */
export function environment(havoq: Havoq): Record<string, string> {
  const { kafka, mqtt, amqp, admin, seed } = havoq.addresses();
  return {
    HAVOQ_SEED: String(seed),
    ...(kafka === null ? {} : { KAFKA_BROKERS: kafka.ports.map((port) => `${kafka.host}:${port}`).join(",") }),
    ...(mqtt === null ? {} : { MQTT_URL: `mqtt://${mqtt.host}:${mqtt.port}` }),
    // The vhost is spelled out: a bare "/" means vhost "/" to some clients and vhost "" to others.
    ...(amqp === null ? {} : { AMQP_URL: `amqp://guest:guest@${amqp.host}:${amqp.port}/%2F` }),
    ...(admin === null ? {} : { HAVOQ_ADMIN_URL: `http://${admin.host}:${admin.port}` }),
  };
}

function failedPlugins(havoq: Havoq, printed: readonly string[]): PluginOutcome[] {
  return havoq.seam.plugins().filter(({ errors }) => errors > 0).map(({ name, errors, off }) => {
    const start = `plugin ${name}: `;
    return { name, errors, off, messages: printed.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length)) };
  });
}

/** A few lines on what fired, for the end of a run. */
export function faultLines({ faults }: RunReport): string[] {
  return faults.map((fault) => `  ${fault.protocol.padEnd(5)}  ${describeFault(fault)} × ${fault.fired}`);
}
