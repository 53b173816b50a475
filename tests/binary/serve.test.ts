import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import mqtt from "mqtt";
import { ensureBinary, startBinary } from "../support/binary.ts";

const binary = resolve(import.meta.dirname, "../../dist/havoq");
const FREE = ["--kafka-port", "0", "--mqtt-port", "0", "--amqp-port", "0", "--admin-port", "0"];
let folder: string;

beforeAll(async () => {
  await ensureBinary();
  folder = mkdtempSync(join(tmpdir(), "havoq-serve-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the binary to its end. */
function run(args: string[], env: Record<string, string> = {}): { code: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([binary, ...args], { cwd: folder, env: { ...process.env, ...env }, timeout: 20_000 });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe("havoq serve", () => {
  test("prints ports, plugins and seed, and ends cleanly on SIGTERM with clients connected", async () => {
    const broker = await startBinary({ args: ["--seed", "42"] });
    const client = await mqtt.connectAsync(broker.mqtt.url);
    const gone = new Promise((done) => client.once("close", () => done(null)));
    expect(await broker.stop()).toBe(0);
    await gone;
    client.end(true);
    expect(broker.stdout.split("\n").map((line) => line.trim().split(/\s+/)[0])).toEqual([
      "havoq",
      "kafka",
      "mqtt",
      "amqp",
      "admin",
      "plugins",
      "ready",
      "",
    ]);
    expect(broker.stdout).toContain("seed 42");
    expect(broker.stderr).toBe("");
  });

  test("at its first word that it is ready, all ports answer and a signal ends it cleanly", async () => {
    const start = (): Bun.Subprocess<"ignore", "pipe", "inherit"> =>
      Bun.spawn([binary, "serve", ...FREE], { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const ready = async ({ stdout }: { stdout: ReadableStream<Uint8Array> }): Promise<string> => {
      let printed = "";
      for await (const chunk of stdout) if ((printed += Buffer.from(chunk).toString()).endsWith("\nready\n")) break;
      return printed;
    };
    const signalled = start();
    await ready(signalled);
    signalled.kill("SIGTERM");
    expect(await signalled.exited).toBe(0);

    const asked = start();
    const printed = await ready(asked);
    const port = (protocol: string): number => Number(new RegExp(`${protocol} .*127\\.0\\.0\\.1:(\\d+)`).exec(printed)![1]);
    const [{ status }, client, greeting] = await Promise.all([
      fetch(`http://127.0.0.1:${port("admin")}/health/ready`),
      mqtt.connectAsync(`mqtt://127.0.0.1:${port("mqtt")}`),
      new Promise<string>((got, failed) => {
        const data = (socket: Bun.Socket, bytes: Buffer): void => (socket.end(), got(bytes.toString("latin1")));
        void Bun.connect({
          hostname: "127.0.0.1",
          port: port("amqp"),
          socket: { open: (socket) => void socket.write("AMQP\0\0\x09\x01"), data, error: (_socket, error) => failed(error) },
        });
      }),
    ]);
    expect(status).toBe(200);
    expect(greeting).toContain("havoq");
    client.end(true);
    asked.kill("SIGTERM");
    expect(await asked.exited).toBe(0);
  });

  test("SIGINT ends it too", async () => {
    const broker = await startBinary();
    process.kill(broker.pid, "SIGINT");
    expect(await broker.exited).toBe(0);
  });

  test("tells how it is over HTTP", async () => {
    await using broker = await startBinary({ args: ["--kafka-brokers", "3", "--seed", "7"] });
    const get = async (path: string): Promise<any> => (await fetch(broker.admin.url + path)).json();
    expect(await get("/health/live")).toEqual({ status: "up" });
    expect(await get("/health/ready")).toEqual({ status: "ready" });
    const status = await get("/api/status");
    expect(status.seed).toBe(7);
    expect(status.kafka.ports.map((port: number) => `127.0.0.1:${port}`).join()).toBe(broker.kafka.brokers);
    expect(status.connections.mqtt).toEqual({ active: 0, accepted: 0, refused: 0, failed: 0 });
    expect((await fetch(`${broker.admin.url}/nowhere`)).status).toBe(404);
  });

  test("a taken port is an error that names it", async () => {
    await using broker = await startBinary();
    const port = broker.mqtt.url.split(":").at(-1)!;
    const { code, err } = run(["serve", ...FREE.map((word, i) => (FREE[i - 1] === "--mqtt-port" ? port : word))]);
    expect(code).toBe(1);
    expect(err).toContain(`mqtt cannot listen on 127.0.0.1:${port}`);
    expect(err).toContain("the port is taken");
  });

  test("wrong usage ends with 2 and says what was meant", () => {
    for (const [args, words] of [
      [["serve", "--kafka-prot", "1"], "--kafka-port"],
      [["serve", "--kafka-port", "70000"], "70000 is not a port"],
      [["serve", "--seed", "many"], "many is not a whole number"],
      [["sevre"], "serve"],
      [[], "Usage: havoq"],
    ] as const) {
      const { code, err } = run([...args]);
      expect([args, code]).toEqual([args, 2]);
      expect(err).toContain(words);
    }
    expect(run(["--help"]).code).toBe(0);
    expect(run(["serve", "--help"]).out).toContain("Example:");
    expect(run(["--version"]).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("reads havoq.yaml; flag beats environment beats file", async () => {
    const file = join(folder, "havoq.yaml");
    await Bun.write(file, "seed: 1\nkafka: { brokers: 2 }\nmqtt: { enabled: false }\n");
    const shown = async (args: string[], env: Record<string, string>): Promise<string> => {
      const child = Bun.spawn([binary, "serve", "--config", file, ...FREE, ...args], {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "inherit"],
      });
      let out = "";
      for await (const chunk of child.stdout) if ((out += Buffer.from(chunk).toString()).includes("ready\n")) break;
      child.kill();
      await child.exited;
      return out;
    };
    const fromFile = await shown([], {});
    expect(fromFile).toContain("seed 1\n");
    expect(fromFile).not.toContain("mqtt");
    expect(fromFile.match(/kafka +127.0.0.1:\d+ 127.0.0.1:\d+\n/)).not.toBeNull();
    expect(await shown([], { HAVOQ_SEED: "2" })).toContain("seed 2\n");
    expect(await shown(["--seed", "3"], { HAVOQ_SEED: "2" })).toContain("seed 3\n");
  });

  test("a bad havoq.yaml stops the start with file, line and the nearest right key", async () => {
    const file = join(folder, "bad.yaml");
    await Bun.write(file, "kafka:\n  brokers: 3\n  auto_creat_topics: true\nmqtt:\n  port: high\n");
    const { code, err } = run(["serve", "--config", file]);
    expect(code).toBe(1);
    expect(err).toContain("bad.yaml:3: unknown key kafka.auto_creat_topics: did you mean auto_create_topics?");
    expect(err).toContain("bad.yaml:5: mqtt.port:");
  });

  test("a bunfig.toml and a .env in the user's folder do nothing", async () => {
    await Bun.write(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    await Bun.write(join(folder, "evil.ts"), 'console.log("evil");\n');
    await Bun.write(join(folder, ".env"), "HAVOQ_SEED=666\n");
    const { out, code } = run(["--version"]);
    expect([code, out.includes("evil")]).toEqual([0, false]);
    rmSync(join(folder, "bunfig.toml"));
  });
});
