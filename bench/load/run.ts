// What every load generator does around its protocol: read the flags, warm up, measure, drain, report.
import { parseArgs } from "node:util";
import { cpuSeconds, residentBytes } from "../peers/process.ts";

/** One line of JSON on stdout, the generator's only output. */
export interface Sample {
  messages: number;
  bytes: number;
  seconds: number;
  /** Share of one core used while measuring: by the generator and by the server. */
  loadCpu: number;
  serverCpu: number | null;
}

export function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

/** The numeric flags of a generator, each with its default; `text` flags are strings. */
export function flags<const N extends Record<string, number>, const T extends Record<string, string>>(
  numbers: N,
  text: T = {} as T,
): Record<keyof N, number> & Record<keyof T, string> {
  const defaults = { ...numbers, ...text };
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ options });
  const entries = Object.entries(defaults).map(([name, value]) => {
    const given = values[name];
    if (given === undefined) return [name, value];
    return [name, typeof value === "number" ? Number(given) : given];
  });
  return Object.fromEntries(entries);
}

const MEMORY_LIMIT = 6 * 2 ** 30;

export const COMMON = { port: 0, pid: 0, seconds: 4, warmup: 1.5 };

export interface Load {
  /** Messages that have come back (or were acknowledged) so far. */
  done(): number;
  /** Payload bytes a message stands for. */
  bytesPerMessage: number;
  /** Stops sending, and answers how many messages must have come back in the end; null when that has no meaning. */
  stop(): number | null;
  /** Cleans up on the server. */
  finish?(): void;
}

export async function run(options: { pid: number; seconds: number; warmup: number }, load: Load): Promise<never> {
  await pass(options.warmup);
  const from = snapshot();
  await pass(options.seconds);
  const to = snapshot();

  const expected = load.stop();
  for (const deadline = performance.now() + 10_000; expected !== null && load.done() !== expected; await Bun.sleep(10)) {
    if (performance.now() > deadline) fail(`sent ${expected} messages, ${load.done()} came back`);
  }

  const seconds = (to.time - from.time) / 1000;
  const messages = to.done - from.done;
  if (messages === 0) fail("no message came back while measuring");
  const sample: Sample = {
    messages,
    bytes: messages * load.bytesPerMessage,
    seconds,
    loadCpu: (to.load - from.load) / seconds,
    serverCpu: to.server === null || from.server === null ? null : (to.server - from.server) / seconds,
  };
  load.finish?.();
  await Bun.write(Bun.stdout, `${JSON.stringify(sample)}\n`);
  process.exit(0);

  /** Lets time pass, but not until a server that keeps everything has eaten the machine. */
  async function pass(seconds: number): Promise<void> {
    for (let left = seconds * 1000; left > 0; left -= 250) {
      await Bun.sleep(Math.min(left, 250));
      if (residentBytes(options.pid) > MEMORY_LIMIT) fail(`the server's memory passed ${MEMORY_LIMIT / 2 ** 30} GiB`);
    }
  }

  function snapshot() {
    const { user, system } = process.cpuUsage();
    return { time: performance.now(), done: load.done(), load: (user + system) / 1e6, server: cpuSeconds(options.pid) };
  }
}

/** A payload that knows its index in the ring and is otherwise printable. */
export function payload(length: number, index: number): Buffer {
  const bytes = Buffer.alloc(length, "havoq bench ");
  bytes.writeUInt32BE(index, 0);
  return bytes;
}
