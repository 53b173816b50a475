import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Start, StartOptions } from "./api.ts";
import { Client, freePorts } from "./client.ts";

export type * from "./api.ts";

/** Starts brokers of their own as a child process, which ends with this one. */
export const start: Start = async ({ seed, rules = [], plugins, config, binary = findBinary() }: StartOptions = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "havoq-testing-"));
  const [ready, yaml] = [join(folder, "ready.json"), join(folder, "havoq.yaml")];
  // JSON is YAML too.
  writeFileSync(yaml, JSON.stringify(freePorts(config)));
  const flags = [...(seed === undefined ? [] : ["--seed", String(seed)]), ...(plugins === undefined ? [] : ["--plugins", plugins])];
  const child = spawn(binary, ["serve", "--config", yaml, "--ready-file", ready, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: withoutOurs(process.env),
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const pipes = [child.stdout, child.stderr] as unknown as { ref(): void; unref(): void }[];
  const stop = async (): Promise<void> => {
    for (const one of [child, ...pipes]) one.ref();
    child.kill("SIGTERM");
    await ended;
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, folder, ready);
  } catch (error) {
    await stop();
    throw error;
  }
  // Who forgets to stop them is not kept from ending.
  for (const one of [child, ...pipes]) one.unref();
  const client = new Client(JSON.parse(readFileSync(ready, "utf8")), (request) => fetch(request), once(stop));
  try {
    if (rules.length > 0) await client.request("POST", "/api/rules", rules);
  } catch (error) {
    await client.stop();
    throw error;
  }
  return client;
};

/** The addresses of other brokers are not for these. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("HAVOQ_")));
}

function untilReady(child: ChildProcess, folder: string, ready: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder, () => look());
    const settle = (done: () => void): void => {
      watcher.close();
      done();
    };
    // It is renamed to this name when it is whole.
    const look = (): void => void (existsSync(ready) && settle(resolve));
    look();
    let errors = "";
    child.stdout!.resume();
    child.stderr!.on("data", (chunk) => (errors = (errors + chunk).slice(-10_000)));
    child.once("error", (error) =>
      settle(() => reject(new Error(`havoq cannot be started: ${error.message}; HAVOQ_BINARY tells where the binary is`))),
    );
    child.once("close", (code) => settle(() => reject(new Error(`havoq ended with exit code ${code}\n${errors}`))));
  });
}

/** HAVOQ_BINARY, else the one in `dist` of the sources, else that of the package for this platform. */
function findBinary(): string {
  const given = process.env.HAVOQ_BINARY;
  if (given !== undefined && given !== "") return given;
  const file = process.platform === "win32" ? "havoq.exe" : "havoq";
  const beside = fileURLToPath(new URL(`../${file}`, import.meta.url));
  if (existsSync(beside)) return beside;
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const libc = process.platform === "linux" && header.glibcVersionRuntime === undefined ? "-musl" : "";
  try {
    return createRequire(import.meta.url).resolve(`@havoq/${platform}-${process.arch}${libc}/bin/${file}`);
  } catch {
    return file;
  }
}

function once(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | null = null;
  return () => (stopped ??= stop());
}
