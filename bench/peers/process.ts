// Child processes that end when the bench ends, whichever way it ends.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const live = new Set<number>();
const folders = new Set<string>();

process.on("exit", () => {
  for (const pid of live) for (const child of [pid, ...descendants(pid)]) signal(child, "SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const [name, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  process.on(name, () => process.exit(code));

/** A fresh folder, removed at exit or by `removeFolder`. `base` is where to put it. */
export function freshFolder(name: string, base = tmpdir()): string {
  const folder = mkdtempSync(join(base, `havoq-bench-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/**
 * A port that was free a moment ago, from below the range of which the machine takes ports for outgoing
 * connections: whoever polls a port of that range until somebody listens may connect to itself.
 */
export function freePort(): number {
  for (;;) {
    const port = nextPort;
    nextPort = nextPort >= 31_999 ? 20_000 : nextPort + 1;
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      // taken
    }
  }
}

let nextPort = 20_000 + (process.pid % 12_000);

export interface Launch {
  command: string[];
  log: string;
  env?: Record<string, string | undefined>;
  cwd?: string;
}

export class Child {
  readonly #process: Bun.Subprocess;

  constructor(readonly launch: Launch) {
    const log = Bun.file(launch.log);
    this.#process = Bun.spawn(launch.command, {
      env: launch.env ?? process.env,
      cwd: launch.cwd,
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    live.add(this.pid);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The descendant whose executable is called `name`: the one that does the work behind a start script. */
  worker(name: string): number {
    return descendants(this.pid).find((pid) => commandName(pid) === name) ?? this.pid;
  }

  /** Waits until `ready` answers true; a child that ends before is an error with the tail of its log. */
  async until(ready: () => Promise<boolean>, { seconds = 60, pause = 20 } = {}): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await ready())) {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) throw this.#failure("ended before it was ready");
      if (performance.now() > deadline) throw this.#failure(`was not ready in ${seconds} s`);
      await Bun.sleep(pause);
    }
  }

  async stop(): Promise<void> {
    const family = [this.pid, ...descendants(this.pid)];
    signal(this.pid, "SIGTERM");
    const patience = setTimeout(() => signal(this.pid, "SIGKILL"), 10_000);
    await this.#process.exited;
    clearTimeout(patience);
    // What outlived its parent now belongs to init: only the list taken before still knows it.
    for (const pid of family.slice(1)) signal(pid, "SIGKILL");
    live.delete(this.pid);
  }

  #failure(what: string): Error {
    const tail = readFileSync(this.launch.log, "utf8").trimEnd().split("\n").slice(-15).join("\n");
    return new Error(`${this.launch.command[0]} ${what}\n${tail}`);
  }
}

export async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.terminate();
    return true;
  } catch {
    return false;
  }
}

/** User plus system seconds a process has used, or null where there is no /proc. */
export function cpuSeconds(pid: number): number | null {
  try {
    const fields = afterName(pid);
    return (Number(fields[11]) + Number(fields[12])) / 100; // utime, stime in ticks of 10 ms
  } catch {
    return null;
  }
}

/** Resident bytes of a process, or 0 where there is no /proc. */
export function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of processes()) {
    try {
      parents.set(entry, Number(afterName(entry)[1]));
    } catch {} // it ended while we were looking
  }
  const family = new Set([pid]);
  // A child can have a lower pid than its parent after wrap-around, so go round until nothing is added.
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  family.delete(pid);
  return [...family];
}

function processes(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return []; // no /proc on this system
  }
}

/** The fields of /proc/PID/stat that follow the command name, which may itself hold spaces. */
function afterName(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function commandName(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {} // already gone
}
