/** Runs commands of the compiled binary, and keeps account of which options were used. */
import { expect } from "bun:test";
import { Command } from "commander";
import { dirname, resolve } from "node:path";
import commands from "../../src/cli/index.ts";
import { ensureBinary } from "../support/binary.ts";

export const binary = resolve(import.meta.dirname, "../../dist/havoq");

export interface Ran {
  code: number;
  out: string;
  err: string;
  /** Standard output as JSON. */
  readonly json: any;
  /** Standard output as JSON lines. */
  readonly lines: any[];
}

const used: string[][] = [];

/** The whole tree of commands, as the binary has it. */
export function tree(): Command {
  const program = new Command("havoq");
  for (const { name, define } of commands) define(program.command(name));
  return program;
}

export function start(args: string[], { stdin = "", env = {} }: { stdin?: string; env?: Record<string, string> } = {}) {
  used.push(args);
  // Where no havoq.yaml and no folder of anybody's is.
  const child = Bun.spawn([binary, ...args], {
    cwd: dirname(binary),
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  // A command that hangs must not hang the tests.
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  let out = "";
  let look = (): void => undefined;
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      out += decoder.decode(chunk, { stream: true });
      look();
    }
  })();
  const done = (async (): Promise<Ran> => {
    const [err, code] = await Promise.all([new Response(child.stderr).text(), child.exited, reading]);
    clearTimeout(late);
    return {
      code,
      out,
      err,
      get json() {
        return JSON.parse(out);
      },
      get lines() {
        return out
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
      },
    };
  })();
  /** Settles once this was printed; a command that ends without it is an error. */
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      look = () => out.includes(text) && resolve();
      look();
      void done.then((ran) => reject(new Error(`ended with ${ran.code} without ${text}: ${ran.out}${ran.err}`)));
    });
  return { child, done, printed };
}

/** Runs a command to its end. */
export async function run(args: string[], options?: { stdin?: string; env?: Record<string, string> }): Promise<Ran> {
  await ensureBinary();
  return start(args, options).done;
}

/** The same; an exit code other than 0 is an error with what was printed. */
export async function ok(args: string[], options?: { stdin?: string; env?: Record<string, string> }): Promise<Ran> {
  const ran = await run(args, options);
  if (ran.code !== 0) throw new Error(`havoq ${args.join(" ")} exited with ${ran.code}\n${ran.out}${ran.err}`);
  return ran;
}

/**
 * Runs `havoq bench` at a rate for that long. Whether the rate is held is up to this machine and what else
 * it does, and is not judged; that verdict, exit code and what was measured are of one mind is.
 */
export async function benchAtRate(rate: number, ms: number, ...args: string[]): Promise<any> {
  const { code, json, out, err } = await run(["bench", "--rate", String(rate), "--duration", `${ms}ms`, ...args, "--json"]);
  const late = json.seconds * 1000 - ms;
  // What is printed is rounded.
  const held = Math.abs(late - 250) <= 10 ? json.held : late < 250;
  if (json.held !== held || code !== (held ? 0 : 1)) throw new Error(`havoq bench exited with ${code}\n${out}${err}`);
  const sent = (rate * ms) / 1000;
  expect(json).toMatchObject({ sent, received: sent, lost: 0, wantedRate: rate });
  return json;
}

/**
 * Commands and options below a command that no test of this process has run, under the names that help shows. A
 * test that is picked alone says nothing about the others.
 */
export function unused(top: string): string[] {
  if (used.length === 0) {
    console.warn(`skipped: no test of havoq ${top} has run before, so nothing is known of its options`);
    return [];
  }
  const missing: string[] = [];
  const visit = (command: Command, path: string[]): void => {
    for (const child of command.commands as Command[]) visit(child, [...path, child.name()]);
    if (command.commands.length > 0) return;
    const runs = used.filter((args) => leads(args, path));
    if (runs.length === 0) missing.push(path.join(" "));
    for (const option of command.options) {
      if (!runs.some((args) => args.some((arg) => arg === option.long || arg === option.short)))
        missing.push(`${path.join(" ")} ${option.long}`);
    }
  };
  visit((tree().commands as Command[]).find((child) => child.name() === top)!, [top]);
  return missing;
}

/** Whether arguments call the command at a path, by name or alias. */
function leads(args: string[], path: string[]): boolean {
  let at: Command = tree();
  return path.every((name, i) => {
    const child = (at.commands as Command[]).find((one) => one.name() === name)!;
    at = child;
    return args[i] === name || child.aliases().includes(args[i]!);
  });
}
