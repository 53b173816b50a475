import pc from "picocolors";
import { stopwatch } from "../../hooks/clock.ts";
import { CommandError, UsageError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { printFields, printJson } from "../lib/output.ts";
import { progress } from "../lib/progress.ts";
import { systemClock } from "../lib/time.ts";
import { startBroker } from "./broker.ts";
import { Latencies } from "./latencies.ts";
import type { Load, Wanted } from "./load.ts";

interface Options {
  protocol: "kafka" | "mqtt" | "amqp";
  server?: Server;
  rate?: number;
  /** Milliseconds. */
  duration: number;
  connections: number;
  size: number;
  qos: 0 | 1 | 2;
  json?: boolean;
}

/** A rate is held when all that was due was sent, and arrived no later than this share of the time, or this long, after the end. */
const LATE = 0.02;
const LATE_MS = 250;
/** Messages on their way at the most where no rate is set. */
const WINDOW = 4000;
/** Messages on their way at the most where one is: who is this far behind does not catch up, and must not fill the memory. */
const BEHIND = 50_000;
/** Milliseconds between two looks at what is due. */
const TICK = 2;
/** How long the last messages may take, in milliseconds. */
const PATIENCE = 5000;
const PORTS = { kafka: 9092, mqtt: 1883, amqp: 5672 };
/** Where the time of sending lies in a message. */
const STAMP = 8;

export async function bench(options: Options): Promise<void> {
  const { protocol, rate, connections, size, json } = options;
  if (size < STAMP) throw new UsageError(`--size is ${STAMP} at least: the time of sending is in the message`);
  const started = options.server === undefined ? await startBroker(protocol) : null;
  const given = started?.server ?? options.server!;
  const server = given.port === 0 ? { ...given, port: PORTS[protocol] } : given;
  let result: Result;
  try {
    result = await load(options, server);
  } finally {
    await started?.stop();
  }
  const { sent, received, seconds, latencies } = result;
  const achieved = received / seconds;
  const { duration } = options;
  const held =
    rate === undefined || (sent >= Math.floor((duration * rate) / 1000) && seconds * 1000 - duration <= Math.max(duration * LATE, LATE_MS));
  const ms = (share: number): number | null => round(latencies.percentile(share));
  const report = {
    protocol,
    server: started === null ? `${server.host}:${server.port}` : "started for it",
    connections,
    size,
    seconds: round(seconds),
    sent,
    received,
    lost: sent - received,
    wantedRate: rate ?? null,
    rate: Math.round(achieved),
    bytesPerSecond: Math.round(achieved * size),
    latencyMs: { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), "p99.9": ms(0.999), max: ms(1) },
    held,
  };
  if (json === true) printJson(report);
  else {
    printFields({
      broker: `${protocol}, ${report.server}`,
      connections: connections,
      messages: `${sent} sent, ${received} received, ${size} bytes each, in ${report.seconds} s`,
      rate: `${report.rate}/s${rate === undefined ? "" : ` of ${rate}/s wanted`}`,
      data: `${(report.bytesPerSecond / 1e6).toFixed(2)} MB/s`,
      latency: Object.entries(report.latencyMs)
        .map(([name, value]) => `${pc.dim(name)} ${value ?? "-"} ms`)
        .join("  "),
    });
  }
  if (received < sent) throw new CommandError(`${sent - received} of ${sent} messages did not come back`);
  if (!held) throw new CommandError(`the rate was not held: ${report.rate}/s of ${rate}/s; the client or the broker is at its limit`);
}

const round = (value: number | null): number | null => (value === null ? null : Math.round(value * 100) / 100);

interface Result {
  sent: number;
  received: number;
  seconds: number;
  latencies: Latencies;
}

async function load({ protocol, rate, duration, connections, size, qos }: Options, server: Server): Promise<Result> {
  const latencies = new Latencies();
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  let [first, last] = [0, 0];
  const connecting = progress(connections, "connecting");
  const wanted: Wanted = {
    server,
    connections,
    qos,
    fail,
    connected: () => connecting.step(),
    receive(payload) {
      last = stopwatch();
      first ||= last;
      latencies.add(last - new DataView(payload.buffer, payload.byteOffset, STAMP).getFloat64(0));
    },
  };
  const { open } = await { kafka: () => import("./kafka.ts"), mqtt: () => import("./mqtt.ts"), amqp: () => import("./amqp.ts") }[
    protocol
  ]();
  const running: Load = await Promise.race([open(wanted), failed]).finally(() => connecting.stop());
  const bar = progress(Math.ceil(duration / 1000), "sending");
  try {
    const start = stopwatch();
    let sent = 0;
    let second = 0;
    let turn = 0;
    for (;;) {
      const now = stopwatch();
      const elapsed = Math.min(now - start, duration);
      for (; second < Math.floor(elapsed / 1000); second++) bar.step(1, `${latencies.count} received`);
      // At a rate, what is due by now; else as much as is on its way too little.
      const underWay = sent - latencies.count;
      const due =
        rate === undefined
          ? now - start < duration
            ? WINDOW - underWay
            : 0
          : Math.min(Math.floor((elapsed * rate) / 1000) - sent, BEHIND - underWay);
      const waits: unknown[] = [];
      for (let from = 0; from < due; ) {
        const share = Math.min(due - from, Math.max(1, Math.ceil(due / connections)));
        // The time that a message was due, not the time it went: who is late must not hide it.
        const payloads = Array.from({ length: share }, (_, j) =>
          message(size, rate === undefined ? now : start + ((sent + j) * 1000) / rate),
        );
        waits.push(running.send(turn++ % connections, payloads));
        sent += share;
        from += share;
      }
      const all = Promise.all(waits);
      all.catch(fail);
      if (rate === undefined && protocol !== "kafka") await Promise.race([all, failed]);
      if (now - start >= duration) break;
      await Promise.race([systemClock.sleep(TICK), failed]);
    }
    for (const until = stopwatch() + PATIENCE; latencies.count < sent && stopwatch() < until; )
      await Promise.race([systemClock.sleep(5), failed]);
    return { sent, received: latencies.count, seconds: Math.max(duration, last - first) / 1000, latencies };
  } finally {
    bar.stop();
    await running.close();
  }
}

function message(size: number, time: number): Buffer {
  const payload = Buffer.alloc(size);
  payload.writeDoubleBE(time, 0);
  return payload;
}
