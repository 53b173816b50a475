import { constants } from "node:os";
import type { Clock } from "../../core/time.ts";

export interface Ended {
  /** As a shell tells it: 127 not found, 126 not executable, 128 + n killed by signal n. */
  exitCode: number;
  /** There is no such program, or it cannot be run: `output` says so. */
  notStarted: boolean;
  /** It had to be ended because its time was up. */
  timedOut: boolean;
  /** This process got a signal meanwhile, which the command got too. */
  interrupted: boolean;
  /** The last of what it printed, where that was kept from the terminal. */
  output: string;
}

export interface ChildOptions {
  env: Record<string, string>;
  /** Keep its output from the terminal. */
  quiet?: boolean;
  /** Milliseconds that it may run, with everything that it started. */
  timeout?: number;
  clock: Clock;
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** How much of a quiet command's output is kept, in characters. */
const KEPT = 20_000;
/** Milliseconds between asking to end and ending by force. */
const PATIENCE = 2_000;

/** Runs a command to its end, passing on the signals that this process gets. */
export async function runChild(argv: readonly string[], { env, quiet = false, timeout, clock }: ChildOptions): Promise<Ended> {
  let child: Bun.Subprocess | null = null;
  let interrupted = false;
  const kill = (signal: NodeJS.Signals): void => {
    if (child === null) return;
    if (timeout === undefined || process.platform === "win32") child.kill(signal);
    else {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // All of the group have ended.
      }
    }
  };
  // Before the command runs: who sees it run may send a signal already, which must not end this process alone.
  const forward = SIGNALS.map((signal) => {
    const handle = (): void => {
      interrupted = true;
      // Ctrl-C at a terminal reaches the whole foreground group: the command has it already.
      if (signal !== "SIGINT" || !process.stdin.isTTY || timeout !== undefined) kill(signal);
    };
    process.on(signal, handle);
    return () => process.off(signal, handle);
  });
  try {
    child = Bun.spawn([...argv], {
      env: { ...process.env, ...env },
      stdio: quiet ? ["ignore", "pipe", "pipe"] : ["inherit", "inherit", "inherit"],
      // Who may run out of time gets a process group of its own, so that all it started ends with it.
      detached: timeout !== undefined,
    });
  } catch (error) {
    for (const end of forward) end();
    const { code } = error as { code?: string };
    if (code !== "ENOENT" && code !== "EACCES") throw error;
    return {
      exitCode: code === "ENOENT" ? 127 : 126,
      notStarted: true,
      timedOut: false,
      interrupted,
      output: `${argv[0]}: ${code === "ENOENT" ? "command not found" : "permission denied"}\n`,
    };
  }

  let timedOut = false;
  const ending =
    timeout === undefined
      ? null
      : clock.after(timeout, () => {
          timedOut = true;
          kill("SIGTERM");
          clock.after(PATIENCE, () => kill("SIGKILL"));
        });
  const output = quiet ? Promise.all([tail(child.stdout as ReadableStream), tail(child.stderr as ReadableStream)]) : null;
  const code = await child.exited;
  ending?.cancel();
  for (const end of forward) end();
  // What it left running in its group would hold the pipes open, and talk to brokers that are gone.
  if (timeout !== undefined) kill("SIGKILL");
  const exitCode = child.signalCode === null ? code : 128 + ((constants.signals as Record<string, number>)[child.signalCode] ?? 0);
  return { exitCode, notStarted: false, timedOut, interrupted, output: output === null ? "" : (await output).join("") };
}

async function tail(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) text = (text + decoder.decode(chunk, { stream: true })).slice(-KEPT);
  return text;
}
