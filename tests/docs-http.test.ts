/** Every command of docs/HTTP.md is run, in order, against the binary; each has to succeed and print what it should. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startBinary, type RunningBinary } from "./support/binary.ts";
import { inOrder } from "./support/steps.ts";

const text = await Bun.file(resolve(import.meta.dirname, "../docs/HTTP.md")).text();
const commands = [...text.matchAll(/```sh\n([^]*?)```/g)]
  .flatMap((match) => match[1]!.trim().split("\n"))
  .filter((line) => line.startsWith("curl "));

let broker: RunningBinary;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "havoq-http-"));
  broker = await startBinary();
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What some of them have to print. */
const PRINTS: [command: RegExp, output: RegExp][] = [
  [/health\/ready/, /^\{"status":"ready"\}$/],
  [/from=end/, /"payload":"\{\\"total\\":12\}"/],
  [/search/, /"key":"o-1"/],
  [/retained\?filter=sensors\/%23"$/, /21\.5|"cleared":1/],
  [/api\/rules --json/, /"id":"late"/],
  [/PATCH .*rules/, /"enabled":false/],
  [/groups\/billing/, /"lag":0/],
  [/snapshot -H/, /"done":true/],
  [/metrics$/, /kafka_messages_produced_total\{topic="orders"\} 1/],
];

test("the page has commands", () => expect(commands.length).toBeGreaterThan(30));

const outcome = inOrder(async (i) => {
  // --fail-with-body makes a refusal an error.
  const child = Bun.spawn(["sh", "-c", commands[i]!.replace(/^curl /, "curl --fail-with-body ")], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HAVOQ: broker.admin.url },
  });
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { out, err, code };
});

for (const [i, command] of commands.entries()) {
  test(command, async () => {
    const { out, err, code } = await outcome(i);
    expect([code, err, code === 0 ? "" : out]).toEqual([0, "", ""]);
    if (command.includes(" -o ")) expect(Bun.file(join(folder, command.split(" -o ")[1]!)).size).toBeGreaterThan(0);
    else expect(out).not.toBe("");
    for (const [which, output] of PRINTS) if (which.test(command)) expect(out).toMatch(output);
  }, 60_000);
}
