import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepts, freePort } from "../../bench/peers/process.ts";

/** Debian's wrapper in /usr/sbin changes the user; the script behind it does not. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/** The version of the RabbitMQ that is installed here, or null. */
export function installed(): string | null {
  if (!existsSync(SERVER)) return null;
  return /"?vsn"?,\s*"([^"]+)"/.exec(readFileSync(appFile(), "utf8"))?.[1] ?? null;
}
function appFile(): string {
  return execFileSync("sh", ["-c", "ls /usr/lib/rabbitmq/lib/*/plugins/rabbit-*/ebin/rabbit.app"], { encoding: "utf8" })
    .trim()
    .split("\n")[0]!;
}

/**
 * A real RabbitMQ of its own, with its management plugin where one asks for that: free loopback ports, its own
 * node name, name service and folders.
 * `stop` ends all of it, also after a start that failed.
 */
export async function startRabbit({ management = false } = {}): Promise<{ port: number; managementPort: number; stop(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "havoq-rabbitmq-"));
  const [port, dist, epmdPort, managementPort] = [freePort(), freePort(), freePort(), freePort()];
  mkdirSync(join(dir, "home"));
  writeFileSync(join(dir, "enabled_plugins"), `[${management ? "rabbitmq_management" : ""}].\n`);
  writeFileSync(
    join(dir, "rabbitmq.conf"),
    `listeners.tcp.1 = 127.0.0.1:${port}\nlog.file.level = error\n${management ? `management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${managementPort}\n` : ""}`,
  );
  const env = {
    ...process.env,
    HOME: join(dir, "home"),
    RABBITMQ_NODENAME: `havoq-${process.pid}-${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(dist),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_MNESIA_BASE: join(dir, "mnesia"),
    RABBITMQ_LOG_BASE: join(dir, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, "enabled_plugins"),
    RABBITMQ_CONFIG_FILE: join(dir, "rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: join(dir, "no-env.conf"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
  };
  const children: ChildProcess[] = [];
  // Groups of their own: the server is a shell script with the virtual machine as its child. Each group
  // ends with its input, so that nothing stays behind when the test process ends in the middle, however it does.
  const start = (command: string, args: string[]) => {
    const script = '("$@"; kill -KILL 0) & read end; kill -KILL 0';
    const child = spawn("sh", ["-c", script, "sh", command, ...args], { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    children.push(child);
    return child;
  };
  const signal = (child: ChildProcess, name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Already gone.
    }
  };
  const stop = async () => {
    for (const child of children) signal(child, "SIGKILL");
    await Promise.all(
      children.map((child) => child.exitCode !== null || child.signalCode !== null || new Promise((done) => child.once("exit", done))),
    );
    rmSync(dir, { recursive: true, force: true });
  };

  try {
    const epmd = start("epmd", ["-port", String(epmdPort), "-address", "127.0.0.1"]);
    // Without one the server would start another, which would outlive it.
    while (!(await accepts(epmdPort))) {
      if (epmd.signalCode !== null) throw new Error("epmd does not start");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const server = start(SERVER, []);
    let output = "";
    await new Promise<void>((ready, failed) => {
      const late = setTimeout(() => failed(new Error(`RabbitMQ did not start in a minute:\n${output}`)), 60_000);
      const read = (chunk: Buffer) => {
        output += chunk;
        if (/completed with \d+ plugins/.test(output)) {
          clearTimeout(late);
          ready();
        }
      };
      server.stdout!.on("data", read);
      server.stderr!.on("data", read);
      server.once("exit", () => failed(new Error(`RabbitMQ ended:\n${output}`)));
    });
    return { port, managementPort, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
