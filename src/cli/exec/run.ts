import { start, type Havoq, type StartOptions } from "../../app.ts";
import type { Config } from "../../config/config.ts";
import { VERSION } from "../../core/version.ts";
import { AdvanceableClock } from "../../hooks/clock.ts";
import type { JournalLine } from "../../journal/journal.ts";
import type { Rule } from "../../rules/rule.ts";
import { describeFault, FaultCounts } from "../../report/faults.ts";
import { findingText } from "../../oracle/report.ts";
import type { RuleStatus } from "../../rules/rules.ts";
import { waitsInVain } from "../../rules/waits.ts";
import type { ChaosFile } from "../../scenarios/file.ts";
import type { Chaos } from "../../scenarios/scenarios.ts";
import type { PluginOutcome, RuleOutcome, RunReport } from "../../report/report.ts";
import { runChild, type Ended } from "./child.ts";

export interface RunOptions {
  config: Config;
  /** Rules and scenarios, in force before the command starts. */
  chaos?: readonly ChaosFile[];
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
  /** Print every operation as it passes. */
  trace?: boolean;
  /** Milliseconds that the command may run. */
  timeout?: number;
}

export interface Run {
  report: RunReport;
  ended: Ended;
  /** The journal: what it would take to replay it. */
  journal: JournalLine[];
  /** The rules that were in force when the command started, by id. */
  rules: Map<string, Rule>;
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
    ...(options.trace === true ? { trace: (line: string) => void process.stderr.write(`${line}\n`) } : {}),
    ...(options.replay === undefined ? {} : { replay: options.replay }),
    ...(options.replayFile === undefined ? {} : { replayFile: options.replayFile }),
    ...(options.journalFile === undefined ? {} : { journalFile: options.journalFile }),
  };
  const clock = new AdvanceableClock();
  const havoq = await start(freePorts(config), startOptions);
  try {
    options.started?.(havoq.seed);
    // One after the other: rules are asked in this order.
    const chaos: Chaos[] = [];
    for (const file of options.chaos ?? []) chaos.push(await havoq.scenarios.start(file));
    const inForce = new Map(havoq.rules.list().map(({ id, rule }) => [id, rule]));
    const begun = clock.now();
    const ended = await runChild(argv, {
      env: environment(havoq),
      quiet,
      clock,
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    });
    const milliseconds = clock.now() - begun;
    const before = havoq.rules.list();
    const results = await Promise.all(chaos.map((one) => one.finish()));
    const scenarios = results.flatMap((result) => result.scenarios);
    const replayed = options.replay !== undefined || options.replayFile !== undefined;
    const statuses = [...before, ...scenarios.flatMap((one) => one.rules)];
    const rules = !replayed ? ruleOutcomes(statuses) : [];
    const expectations = [
      ...scenarios.flatMap((one) => one.expectations.map((verdict) => ({ scenario: one.name, ...verdict }))),
      ...results.flatMap((result) => result.expectations.map((verdict) => ({ scenario: "at the end", ...verdict }))),
    ].filter(({ text }) => !rules.some(({ id }) => text === `rule ${id} fires`));
    const plugins = failedPlugins(havoq, printed);
    const oracle = havoq.oracle?.report() ?? null;
    const failures = [
      ...(ended.timedOut
        ? [`the command did not end within ${options.timeout} ms`]
        : ended.exitCode === 0
          ? []
          : [`the command ended with exit code ${ended.exitCode}`]),
      ...rules
        .filter(({ fired, optional }) => fired === 0 && !optional)
        .map(
          ({ id, matched }) =>
            `rule ${id} never fired; its match admitted ${matched} events${waitsInVain(
              statuses.find((one) => one.id === id)!.rule,
              statuses.map((one) => one.id),
            )}`,
        ),
      ...expectations.filter(({ passed }) => !passed).map(({ scenario, text, detail }) => `${scenario}: ${text}: ${detail}`),
      ...scenarios.flatMap((one) =>
        one.steps.flatMap((step) => (step.error === undefined ? [] : [`${one.name}: ${step.text}: ${step.error}`])),
      ),
      ...scenarios
        .filter(
          (one) => !one.passed && one.expectations.every(({ passed }) => passed) && one.steps.every(({ error }) => error === undefined),
        )
        .map(({ name }) => `${name} did not pass`),
      ...plugins.map(({ name, messages }) => `plugin ${name} failed: ${messages[0]?.split("\n")[0] ?? "see above"}`),
    ];
    const report: RunReport = {
      havoq: VERSION,
      seed: havoq.seed,
      passed: failures.length === 0,
      failures,
      command: { argv: [...argv], exitCode: ended.exitCode, milliseconds },
      rules,
      faults: counts.list(new Map(rules.map(({ id, fault }) => [id, fault]))),
      scenarios: scenarios.map(({ name, passed }) => ({ name, passed })),
      expectations,
      oracle: oracle === null ? null : oracle.findings.map((finding) => ({ kind: finding.kind, text: findingText(finding) })),
      plugins,
      repeat: options.repeat(havoq.seed),
    };
    return { report, ended, journal, rules: inForce };
  } finally {
    clock.stop();
    await havoq.stop();
  }
}

/** Commands that run side by side must not meet, and nobody's standard ports are taken. */
function freePorts(config: Config): Config {
  const free = <P extends { port: number; tls_port?: number | undefined }>(part: P): P => ({
    ...part,
    port: 0,
    ...(part.tls_port === undefined ? {} : { tls_port: 0 }),
  });
  const { kafka, mqtt, amqp, admin } = config;
  return { ...config, kafka: free(kafka), mqtt: { ...free(mqtt), websocket_port: 0 }, amqp: free(amqp), admin: { ...admin, port: 0 } };
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

/** Nothing is expected of a rule that is switched off. Of several looks at one rule the last counts. */
function ruleOutcomes(statuses: readonly RuleStatus[]): RuleOutcome[] {
  const latest = new Map(statuses.filter(({ enabled }) => enabled).map((status) => [status.id, status]));
  return [...latest.values()].map(({ id, matched, fired, optional, rule }) => ({ id, fault: faultName(rule), matched, fired, optional }));
}

function faultName({ fault, preset }: Rule): string {
  const kind = fault ?? preset ?? {};
  return typeof kind === "string" ? kind : Object.keys(kind)[0]!;
}

function failedPlugins(havoq: Havoq, printed: readonly string[]): PluginOutcome[] {
  return havoq.seam
    .plugins()
    .filter(({ errors }) => errors > 0)
    .map(({ name, errors, off }) => {
      const start = `plugin ${name}: `;
      return { name, errors, off, messages: printed.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length)) };
    });
}

/** A few lines on what fired, for the end of a run. */
export function faultLines({ faults }: RunReport): string[] {
  return faults.map((fault) => `  ${fault.protocol.padEnd(5)}  ${describeFault(fault)} × ${fault.fired}`);
}

/** On standard error: standard output is the command's. */
export function say(words: string): void {
  process.stderr.write(`havoq: ${words}\n`);
}
