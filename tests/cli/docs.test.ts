/** Every command of docs/COMMANDS.md, in order, against one broker on the ports that are told to it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startBinary, type RunningBinary } from "../support/binary.ts";
import { inOrder } from "../support/steps.ts";
import { binary } from "./support.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = ["docs/COMMANDS.md", "docs/CONFIGURATION.md"];
const folder = mkdtempSync(join(tmpdir(), "havoq-docs-"));
let broker: RunningBinary;

beforeAll(async () => {
  broker = await startBinary();
  symlinkSync(binary, join(folder, "havoq"));
  await Bun.write(join(folder, "havoq.yaml"), "kafka: { brokers: 2 }\n");
}, 60_000);

afterAll(async () => {
  await broker?.stop();
  rmSync(folder, { recursive: true });
});

/** The command as it stands, with the address of the broker behind it. */
function placed(command: string): string {
  const [, protocol] = command.split(" ");
  const servers: Record<string, string> = {
    kafka: broker.kafka.brokers,
    mqtt: new URL(broker.mqtt.url).host,
    amqp: new URL(broker.amqp.url).host,
  };
  const lists = /^havoq (amqp \w+ list|mqtt clients list)/.test(command);
  return protocol! in servers && !lists ? `${command} --server ${servers[protocol!]}` : command;
}

for (const page of pages) {
  describe(page, async () => {
    const text = await Bun.file(join(root, page)).text();
    const commands = [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, body]) => body!.trim().split("\n"));
    test("has commands", () => expect(commands.length).toBeGreaterThan(1));
    const outcome = inOrder(async (i) => {
      const child = Bun.spawn(["sh", "-c", placed(commands[i]!)], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, HAVOQ_ADMIN_URL: broker.admin.url },
      });
      const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
      return { out, err, code };
    });
    for (const [i, command] of commands.entries()) {
      test(command, async () => {
        const { out, err, code } = await outcome(i);
        // Whether a rate is held is up to this machine, and what else it does.
        if (/ bench .*--rate/.test(command) && code === 1) expect(err).toMatch(/^havoq: the rate was not held: \d+\/s/);
        else expect([code, err]).toEqual([0, ""]);
        const written = />\s*(\S+)$/.exec(command)?.[1];
        if (written === undefined) expect(out).not.toBe("");
        else expect(existsSync(join(folder, written))).toBe(true);
      }, 60_000);
    }
  });
}
