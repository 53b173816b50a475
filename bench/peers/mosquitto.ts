import { join } from "node:path";
import { findOrSkip, type Peer } from "./peer.ts";
import { Child, accepts, freePort, freshFolder, removeFolder } from "./process.ts";

export interface MosquittoOptions {
  /** TCP_NODELAY, as every other broker here sets it; off is Mosquitto's default. */
  noDelay?: boolean;
}

export async function startMosquitto({ noDelay = false }: MosquittoOptions = {}): Promise<Peer> {
  const command = findOrSkip("mosquitto", "apt-get install mosquitto");
  const folder = freshFolder("mosquitto");
  const port = freePort();
  const config = join(folder, "mosquitto.conf");
  const user = process.getuid?.() === 0 ? "user root\n" : ""; // as root it would switch to a user that can't read the folder
  await Bun.write(
    config,
    `${user}listener ${port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay ${noDelay}
# No queue limits: a QoS 0 message dropped for a slow subscriber would make the run invalid.
max_queued_messages 0
max_queued_bytes 0
log_type error
log_type warning
`,
  );
  const child = new Child({ command: [command, "-c", config], log: join(folder, "log") });
  await child.until(() => accepts(port));
  return {
    name: noDelay ? "mosquitto-nodelay" : "mosquitto",
    version:
      Bun.spawnSync([command, "-h"])
        .stdout.toString()
        .match(/version (\S+)/)?.[1] ?? "?",
    port,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stop();
      removeFolder(folder);
    },
  };
}
