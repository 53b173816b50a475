import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NotInstalled, findOrSkip, type Peer } from "./peer.ts";
import { Child, accepts, freePort, freshFolder, removeFolder } from "./process.ts";

const HINT = "apt-get install rabbitmq-server";

export async function startRabbitMQ(): Promise<Peer> {
  findOrSkip("rabbitmq-server", HINT);
  const server = serverScript();
  const folder = freshFolder("rabbitmq");
  const [port, distribution, epmd] = [freePort(), freePort(), freePort()];

  await Bun.write(join(folder, "enabled_plugins"), "[].\n"); // no management, which would share the CPU
  await Bun.write(join(folder, "rabbitmq.conf"), `listeners.tcp.1 = 127.0.0.1:${port}\nlog.file.level = warning\n`);
  const env = {
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    HOME: folder, // the Erlang cookie is made here
    LANG: "C.UTF-8",
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `bench${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONF_ENV_FILE: join(folder, "rabbitmq-env.conf"), // absent: the system's own settings stay out
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "config"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
  };

  // Erlang would start epmd as a daemon that outlives the broker; ours is there first and is stopped with it.
  const names = new Child({ command: [findOrSkip("epmd", HINT)], log: join(folder, "epmd.log"), env });
  const child = new Child({ command: [server], log: join(folder, "stdout.log"), env, cwd: folder });
  const stop = async () => {
    await child.stop();
    await names.stop();
    removeFolder(folder);
  };
  try {
    await child.until(() => accepts(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: "rabbitmq", version: version(server), port, pid: child.worker("beam.smp"), [Symbol.asyncDispose]: stop };
}

/** The package's own script: the one on PATH is a wrapper that changes the user and the log folder. */
function serverScript(): string {
  const script = "/usr/lib/rabbitmq/bin/rabbitmq-server";
  if (!existsSync(script)) throw new NotInstalled(`${script} is missing (${HINT})`);
  return script;
}

function version(server: string): string {
  const releases = readdirSync(join(server, "../../lib"));
  return releases.find((name) => name.startsWith("rabbitmq_server-"))?.split("-")[1] ?? "?";
}
