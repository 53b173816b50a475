import { existsSync } from "node:fs";
import { join } from "node:path";
import { NotInstalled, type Peer } from "./peer.ts";
import { Child, freshFolder, removeFolder } from "./process.ts";

export type Protocol = "kafka" | "mqtt" | "amqp";

export const HAVOQ = join(import.meta.dir, "../../dist/havoq");

interface Ready {
  kafka: { ports: number[] };
  mqtt: { port: number };
  amqp: { port: number };
  pid: number;
}

/** @param more further arguments of `serve` */
export async function startHavoq(protocol: Protocol, binary = HAVOQ, more: string[] = []): Promise<Peer> {
  if (!existsSync(binary)) throw new NotInstalled(`${binary} is not built (bun build.ts)`);
  const folder = freshFolder("havoq");
  const readyFile = join(folder, "ready.json");
  const child = new Child({
    command: [
      binary,
      "serve",
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
      "--kafka-brokers",
      "1",
      "--ready-file",
      readyFile,
      ...more,
    ],
    log: join(folder, "log"),
    cwd: folder, // no havoq.yaml and no plugins folder of the caller
  });
  await child.until(() => Bun.file(readyFile).exists());
  const ready: Ready = await Bun.file(readyFile).json();
  return {
    name: "havoq",
    version: Bun.spawnSync([binary, "--version"]).stdout.toString().trim(),
    port: protocol === "kafka" ? ready.kafka.ports[0]! : ready[protocol].port,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stop();
      removeFolder(folder);
    },
  };
}
