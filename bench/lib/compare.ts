// Starts the contestants, lets each carry the same load in turn, and prints one table.
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Sample } from "../load/run.ts";
import { NotInstalled, type Peer } from "../peers/peer.ts";
import { median, table } from "./table.ts";

export interface Contestant {
  name: string;
  start(): Promise<Peer>;
  /** Warm-up of its first run of each case, in seconds, when the usual one is not enough: a JIT compiler needs some. */
  coldWarmup?: number;
}

/** One load, as the flags of the protocol's generator. */
export interface Case {
  name: string;
  flags: Record<string, string | number>;
}

export interface Comparison {
  protocol: "mqtt" | "amqp" | "kafka";
  contestants: Contestant[];
  /** The real peers, in one or more settings: the fastest of them in a case is what ratios are taken of. */
  peers: string[];
  cases: Case[];
}

export interface Result {
  case: string;
  server: string;
  version: string;
  messagesPerSecond: number;
  megabytesPerSecond: number;
  /** Messages per second of every round. */
  rounds: number[];
  serverCpu: number | null;
  loadCpu: number;
  /** This server's rate divided by the fastest peer's and the null server's, where those ran. */
  ofPeer: number | null;
  ofNull: number | null;
}

const USAGE = `Options:
  --seconds N     measured time of each run (default 4)
  --warmup N      unmeasured time before it (default 2)
  --rounds N      runs of each server, in turn; the median counts (default 3)
  --only A,B      only these servers
  --case TEXT     only the cases whose name contains TEXT
  --json          print JSON instead of the table`;

export async function compare({ protocol, contestants, peers, cases }: Comparison): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "4" },
      warmup: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      case: { type: "string", default: "" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(`bun bench/${protocol}.ts [options]: servers are ${contestants.map(({ name }) => name).join(", ")}\n${USAGE}`);
    return;
  }
  const only = values.only?.split(",");
  const unknown = only?.find((name) => !contestants.some((contestant) => contestant.name === name));
  if (unknown !== undefined) {
    console.error(`no server called ${unknown}: there are ${contestants.map(({ name }) => name).join(", ")}`);
    process.exit(2);
  }

  await using stack = new AsyncDisposableStack();
  const running: { peer: Peer; coldWarmup: number }[] = [];
  for (const { name, start, coldWarmup = 0 } of contestants) {
    if (only !== undefined && !only.includes(name)) continue;
    try {
      running.push({ peer: stack.use(await start()), coldWarmup });
    } catch (error) {
      if (!(error instanceof NotInstalled)) throw error;
      console.error(`skipped ${name}: ${error.message}`);
    }
  }

  const results: Result[] = [];
  const failures: string[] = [];
  for (const { name, flags } of cases.filter((each) => each.name.includes(values.case))) {
    const samples = new Map<Peer, Sample[]>();
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const { peer, coldWarmup } of running) {
        const warmup = Math.max(Number(values.warmup), round === 0 ? coldWarmup : 0);
        try {
          const sample = await load(protocol, peer, { ...flags, seconds: values.seconds, warmup });
          samples.set(peer, [...(samples.get(peer) ?? []), sample]);
        } catch (error) {
          failures.push(`${name}, ${peer.name}: ${(error as Error).message}`);
        }
      }
    }
    results.push(...summarize(name, samples, peers));
  }

  if (values.json) console.log(JSON.stringify({ protocol, results, failures }, null, 2));
  else print(results);
  for (const failure of failures) console.error(`failed: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}

/** Runs the protocol's generator in a process of its own against one server. */
export async function load(protocol: string, peer: Peer, flags: Record<string, string | number>): Promise<Sample> {
  const all = { port: peer.port, pid: peer.pid, ...flags };
  const generator = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, `../load/${protocol}.ts`),
      ...Object.entries(all).map(([name, value]) => `--${name}=${value}`),
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [stdout, stderr, code] = await Promise.all([generator.stdout.text(), generator.stderr.text(), generator.exited]);
  if (code !== 0) throw new Error(stderr.trim() || `the generator ended with code ${code}`);
  return JSON.parse(stdout);
}

function summarize(name: string, samples: Map<Peer, Sample[]>, peers: string[]): Result[] {
  const rate = ({ messages, seconds }: Sample) => messages / seconds;
  const fastest = (servers: string[]) => {
    const rates = [...samples].filter(([{ name }]) => servers.includes(name)).map(([, rounds]) => median(rounds.map(rate)));
    return rates.length === 0 ? null : Math.max(...rates);
  };
  const [ofPeer, ofNull] = [fastest(peers), fastest(["null"])];
  return [...samples].map(([peer, rounds]) => {
    const messagesPerSecond = median(rounds.map(rate));
    return {
      case: name,
      server: peer.name,
      version: peer.version,
      messagesPerSecond,
      megabytesPerSecond: median(rounds.map(({ bytes, seconds }) => bytes / seconds / 1e6)),
      rounds: rounds.map(rate),
      serverCpu: rounds.some(({ serverCpu }) => serverCpu === null) ? null : median(rounds.map(({ serverCpu }) => serverCpu!)),
      loadCpu: median(rounds.map(({ loadCpu }) => loadCpu)),
      ofPeer: ofPeer === null ? null : messagesPerSecond / ofPeer,
      ofNull: ofNull === null ? null : messagesPerSecond / ofNull,
    };
  });
}

function print(results: Result[]): void {
  const percent = (share: number | null) => (share === null ? "" : `${Math.round(share * 100)}%`);
  const ratio = (value: number | null) => (value === null ? "" : value.toPrecision(3));
  const thousands = (value: number) => `${Math.round(value / 1000)} k`;
  console.log(
    table(
      ["case", "server", "msg/s", "MB/s", "rounds", "server CPU", "load CPU", "× peer", "× null"],
      results.map((result) => [
        result.case,
        `${result.server} ${result.version}`,
        thousands(result.messagesPerSecond),
        result.megabytesPerSecond.toFixed(0),
        `${thousands(Math.min(...result.rounds))} – ${thousands(Math.max(...result.rounds))}`,
        percent(result.serverCpu),
        percent(result.loadCpu),
        ratio(result.ofPeer),
        ratio(result.ofNull),
      ]),
    ),
  );
}
