/**
 * Starts the compiled binary on free ports for a test.
 *
 *     await using broker = await startBinary({ args: ["--seed", "7"] });
 *     new Kafka({ brokers: broker.kafka.brokers.split(",") });
 *
 * With HAVOQ_TEST_EXTERNAL set, nothing is started and the addresses in it are used:
 * the same tests then judge the real brokers (see tests/clients/README.md).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
export const binaryPath = join(root, "dist", process.platform === "win32" ? "havoq.exe" : "havoq");

export interface Addresses {
  /** "host:port", or several joined by commas; empty when the external brokers have no Kafka. */
  kafka: { brokers: string };
  mqtt: { url: string; wsUrl: string };
  amqp: { url: string };
  admin: { url: string };
}

export type Protocol = "kafka" | "mqtt" | "amqp";

export interface RunningBinary extends Addresses, AsyncDisposable {
  readonly pid: number;
  readonly seed: number | string | undefined;
  /** What the process has printed until now. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when the process ends, by itself or not. */
  readonly exited: Promise<number>;
  /** SIGTERM, then SIGKILL when that is not obeyed; answers with the exit code. */
  stop(): Promise<number>;
}

export interface BinaryOptions {
  /** What it is started as, `serve` unless told; the protocols that it has none of have no address. */
  command?: "serve" | "gateway";
  args?: string[];
  env?: Record<string, string>;
  /** Where it runs; a new folder, empty but for the ready file, when left out. */
  cwd?: string;
  /** How long the ready file may take, in milliseconds. */
  timeout?: number;
}

/** What `--ready-file` holds. */
interface ReadyFile {
  kafka: { host: string; ports: number[] } | null;
  mqtt: { host: string; port: number; websocketPort: number } | null;
  amqp: { host: string; port: number } | null;
  admin: { host: string; port: number };
  pid: number;
  seed: number | string;
}

/** The addresses of HAVOQ_TEST_EXTERNAL, or undefined when the binary is to be tested. */
export function externalAddresses(): Addresses | undefined {
  const text = process.env.HAVOQ_TEST_EXTERNAL;
  if (!text) return undefined;
  const given = JSON.parse(text);
  return {
    kafka: { brokers: given.kafka?.brokers ?? "" },
    mqtt: { url: given.mqtt?.url ?? "", wsUrl: given.mqtt?.wsUrl ?? "" },
    amqp: { url: given.amqp?.url ?? "" },
    admin: { url: given.admin?.url ?? "" },
  };
}

export async function startBinary(options: BinaryOptions = {}): Promise<RunningBinary> {
  const external = externalAddresses();
  if (external) return externalBinary(external, options);

  await ensureBinary();
  const folder = mkdtempSync(join(tmpdir(), "havoq-test-"));
  const readyFile = join(folder, "ready.json");
  const child = Bun.spawn({
    cmd: [
      binaryPath,
      options.command ?? "serve",
      "--host",
      "127.0.0.1",
      "--kafka-port",
      "0",
      "--mqtt-port",
      "0",
      "--amqp-port",
      "0",
      "--admin-port",
      "0",
      "--ready-file",
      readyFile,
      ...(options.args ?? []),
    ],
    cwd: options.cwd ?? folder, // so that no havoq.yaml or plugins folder of this repository is found
    env: { ...process.env, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);

  async function stop(): Promise<number> {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 30_000); // a scenario may still wait for its end
    const code = await child.exited;
    clearTimeout(kill);
    await Promise.all([stdout.ended, stderr.ended]);
    rmSync(folder, { recursive: true, force: true });
    return code;
  }

  const deadline = performance.now() + (options.timeout ?? 60_000);
  let ready: ReadyFile | undefined;
  while (!(ready = readReadyFile(readyFile))) {
    const ended = child.exitCode !== null;
    if (ended || performance.now() > deadline) {
      const code = await stop();
      const reason = ended ? `ended with exit code ${code}` : "wrote no ready file in time";
      throw new Error(`havoq serve ${reason}\n--- stdout\n${stdout.text}\n--- stderr\n${stderr.text}`);
    }
    await Bun.sleep(2);
  }

  return {
    ...addressesOf(ready),
    pid: ready.pid,
    seed: ready.seed,
    get stdout() {
      return stdout.text;
    },
    get stderr() {
      return stderr.text;
    },
    exited: child.exited,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function addressesOf(ready: ReadyFile): Addresses {
  const { kafka, mqtt, amqp, admin } = ready;
  return {
    kafka: { brokers: kafka?.ports.map((port) => `${kafka.host}:${port}`).join(",") ?? "" },
    mqtt:
      mqtt === null
        ? { url: "", wsUrl: "" }
        : { url: `mqtt://${mqtt.host}:${mqtt.port}`, wsUrl: `ws://${mqtt.host}:${mqtt.websocketPort}` },
    // The vhost is spelled out: a bare "/" means vhost "/" to some clients and vhost "" to others.
    amqp: { url: amqp === null ? "" : `amqp://guest:guest@${amqp.host}:${amqp.port}/%2F` },
    admin: { url: `http://${admin.host}:${admin.port}` },
  };
}

function readReadyFile(path: string): ReadyFile | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // not there yet, or half written
  }
}

function collect(stream: ReadableStream<Uint8Array>): { text: string; ended: Promise<void> } {
  const collected = { text: "", ended: Promise.resolve() };
  collected.ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) collected.text += decoder.decode(chunk, { stream: true });
  })();
  return collected;
}

function externalBinary(addresses: Addresses, options: BinaryOptions): RunningBinary {
  if (options.args?.length || options.env) {
    throw new Error("this test configures havoq itself, so it cannot run with HAVOQ_TEST_EXTERNAL");
  }
  return {
    ...addresses,
    pid: 0,
    seed: undefined,
    stdout: "",
    stderr: "",
    exited: new Promise(() => {}),
    stop: async () => 0,
    [Symbol.asyncDispose]: async () => {},
  };
}

let building: Promise<void> | undefined;

/** Builds dist/havoq once per test run, and only when a source is newer than the binary. */
export function ensureBinary(): Promise<void> {
  return (building ??= (async () => {
    if (existsSync(binaryPath) && statSync(binaryPath).mtimeMs >= newestSource()) return;
    const build = Bun.spawn({ cmd: [process.execPath, "build.ts"], cwd: root, stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(build.stdout).text(), new Response(build.stderr).text()]);
    if ((await build.exited) !== 0) throw new Error(`bun build.ts failed\n${out}${err}`);
  })());
}

function newestSource(): number {
  const sources = [...new Bun.Glob("src/**/*").scanSync({ cwd: root }), "build.ts", "package.json"];
  return Math.max(
    0,
    ...sources
      .map((file) => join(root, file))
      .filter(existsSync)
      .map((file) => statSync(file).mtimeMs),
  );
}
