/**
 * Runs client programs written in other languages and turns what they report into tests.
 *
 * A program reads KAFKA_BROKERS, MQTT_URL and AMQP_URL, and prints one line of JSON per case:
 * {"case": "...", "ok": true, "detail": "..."}. It runs once; each case is a test of its own, and a
 * case that was promised here but not reported has failed.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { binaryPath, externalAddresses, startBinary, type Protocol, type RunningBinary } from "../support/binary.ts";

export const root = join(import.meta.dir, "../..");
/** What `tests/clients/install` prepares; not in git. */
export const cache = join(root, ".cache/clients");
/** For `serve` of a program that has the cases of `faultCases`: brokers to move leaders between, and faults. */
export const underFaults = ["--kafka-brokers", "3", "--chaos", join(import.meta.dir, "faults.yaml")];

/** A language whose programs `tests/clients/install LANGUAGE` fetches and builds. */
export interface Language {
  name: string;
  /** The commands that must be on the PATH. */
  commands: string[];
  /** The file that pins the dependencies: a changed one asks for another install. */
  manifest: string;
  /** Brings the programs up to date with their sources, without network; runs before the first program. */
  build?: string[];
}

export interface Program {
  name: string;
  /** A protocol that is served for it, or the binary, to start brokers of its own. */
  needs: Protocol | "binary";
  command: string[];
  cases: string[];
  /** Arguments of a binary for this program alone. It has to end with 0: with a chaos file, when every rule has fired. */
  serve?: string[];
  /** For the whole program, in seconds. */
  timeout?: number;
}

interface Report {
  cases: Map<string, { ok: boolean; detail: string }>;
  exitCode: number;
  stderr: string;
}

export function describeClients(language: Language, programs: Program[]): void {
  describe(language.name, () => {
    const missing = whyNotReady(language);
    if (missing) return skipVisibly(missing);

    let broker: RunningBinary;
    beforeAll(async () => {
      if (language.build) await build(language.build);
      broker = await startBinary();
    }, 300_000);
    afterAll(async () => {
      await broker?.stop();
    });

    for (const program of programs) describeProgram(program, () => broker);
  });
}

function describeProgram(program: Program, shared: () => RunningBinary): void {
  describe(program.name, () => {
    let own: RunningBinary | undefined;
    const broker = () => own ?? shared();
    if (isAbsent(program.needs))
      return skipVisibly(program.needs === "binary" ? "HAVOQ_TEST_EXTERNAL is set" : `HAVOQ_TEST_EXTERNAL names no ${program.needs}`, {
        evenInCi: true,
      });

    const hasOwn = program.serve !== undefined && !externalAddresses();
    if (hasOwn) {
      beforeAll(async () => {
        own = await startBinary({ args: program.serve });
      }, 60_000);
      afterAll(async () => {
        await own?.stop();
      });
    }

    const timeout = (program.timeout ?? 90) * 1000;
    let report: Promise<Report> | undefined;
    for (const name of program.cases) {
      test(
        name,
        async () => {
          report ??= run(program, broker(), timeout);
          const { cases, exitCode, stderr } = await report;
          const result = cases.get(name);
          if (!result) throw new Error(`not reported; the program ended with exit code ${exitCode}\n${stderr.slice(-4000)}`);
          if (!result.ok) throw new Error(result.detail);
        },
        timeout + 10_000,
      );
    }
    test(
      "reports these cases and no other, and exits 0",
      async () => {
        report ??= run(program, broker(), timeout);
        const { cases, exitCode, stderr } = await report;
        const unknown = [...cases.keys()].filter((name) => !program.cases.includes(name));
        if (unknown.length) throw new Error(`cases that the test does not list: ${unknown.join("; ")}`);
        if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr.slice(-4000)}`);
      },
      timeout + 10_000,
    );
    if (hasOwn) {
      test("every fault has struck", async () => {
        const exitCode = await own!.stop();
        if (exitCode !== 0) throw new Error(`havoq serve ended with exit code ${exitCode}\n${own!.stderr}`);
      }, 15_000);
    }
  });
}

async function run(program: Program, broker: RunningBinary, timeout: number): Promise<Report> {
  const child = Bun.spawn({
    cmd: program.command,
    env: {
      ...process.env,
      KAFKA_BROKERS: broker.kafka.brokers,
      MQTT_URL: broker.mqtt.url,
      AMQP_URL: broker.amqp.url,
      // For those that start brokers of their own; none that runs around these tests is meant.
      HAVOQ_BINARY: binaryPath,
      HAVOQ_ADMIN_URL: "",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const exitCode = await child.exited;
  const cases: Report["cases"] = new Map();
  for (const line of stdout.split("\n")) {
    if (!line.startsWith('{"case"')) continue;
    const { case: name, ok, detail } = JSON.parse(line);
    cases.set(name, { ok, detail });
  }
  return { cases, exitCode, stderr };
}

async function build(command: string[]): Promise<void> {
  const child = Bun.spawn({ cmd: command, cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed\n${stdout}${stderr}`);
}

function whyNotReady(language: Language): string | undefined {
  const absent = language.commands.filter((command) => !Bun.which(command));
  if (absent.length) return `${absent.join(", ")} not found`;
  const marker = join(cache, `${language.name}.installed`);
  const installed = existsSync(marker) && readFileSync(marker, "utf8") === readFileSync(join(root, language.manifest), "utf8");
  return installed ? undefined : `run tests/clients/install ${language.name} first`;
}

/** True when external brokers are under test that do not speak this protocol. */
export function isAbsent(protocol: Protocol | "binary"): boolean {
  const external = externalAddresses();
  if (!external) return false;
  if (protocol === "binary") return true;
  return !(protocol === "kafka" ? external.kafka.brokers : external[protocol].url);
}

/** What cannot run is seen as skipped on a user's machine, and is a failure in CI. */
export function skipVisibly(reason: string, { evenInCi = false } = {}): void {
  if (process.env.CI && !evenInCi)
    test(`runs (${reason})`, () => {
      throw new Error(reason);
    });
  else test.skip(`skipped: ${reason}`, () => {});
}
