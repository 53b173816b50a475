/** Runs the compiled binary to its end. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureBinary } from "../support/binary.ts";

export const root = resolve(import.meta.dirname, "../..");
export const binary = join(root, "dist/havoq");

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Options {
  cwd?: string;
  env?: Record<string, string>;
  /** Gets the process while it runs. */
  meanwhile?(child: Bun.Subprocess): void;
}

export async function havoq(args: string[], { cwd = freshFolder(), env = {}, meanwhile }: Options = {}): Promise<Outcome> {
  await ensureBinary();
  const { HAVOQ_SEED: _seed, GITHUB_STEP_SUMMARY: _summary, ...inherited } = process.env;
  const child = Bun.spawn([binary, ...args], { cwd, env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  meanwhile?.(child);
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

export function freshFolder(): string {
  return mkdtempSync(join(tmpdir(), "havoq-ci-"));
}
