import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { systemClock } from "../lib/time.ts";

/** A havoq of its own in a process of its own, so that it does not share a core with the load. */
export async function startBroker(protocol: "kafka" | "mqtt" | "amqp"): Promise<{ server: Server; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "havoq-bench-"));
  const ready = join(folder, "ready.json");
  const ports = ["kafka", "mqtt", "amqp"].flatMap((name) => [`--${name}-port`, "0"]);
  const child = Bun.spawn([...self(), "serve", "--host", "127.0.0.1", ...ports, "--no-admin", "--quiet", "--ready-file", ready], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HAVOQ_"))),
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let i = 0; !existsSync(ready); i++) {
    if (child.exitCode !== null || i > 2000) {
      await stop();
      throw new CommandError("the broker for the benchmark did not start");
    }
    await systemClock.sleep(5);
  }
  const found = JSON.parse(readFileSync(ready, "utf8"));
  return { server: { host: "127.0.0.1", port: protocol === "kafka" ? found.kafka.ports[0] : found[protocol].port }, stop };
}

/** What to run to run havoq: the binary itself, or the runtime with the source. */
function self(): string[] {
  return /^(\/\$bunfs|[A-Z]:[\\/]~BUN)/i.test(Bun.main) ? [process.execPath] : [process.execPath, Bun.main];
}
