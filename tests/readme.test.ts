/**
 * Every command of the README is run, in order, in one folder: a command that is not run fails this
 * test. `havoq serve` gets free ports, has to come up, and has to end well on SIGTERM.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureBinary } from "./support/binary.ts";
import { inOrder } from "./support/steps.ts";

const root = resolve(import.meta.dirname, "..");
const text = await Bun.file(join(root, "README.md")).text();
const blocks = [...text.matchAll(/```(\w+)\n([^]*?)```/g)].map((match) => ({ language: match[1]!, body: match[2]! }));
const commands = blocks.flatMap(({ language, body }) => {
  const lines = body.split("\n").map((line) => line.replace(/\s+#.*$/, "").trim());
  if (language === "sh") return lines.filter((line) => line !== "");
  if (language === "console") return lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
  return [];
});

let folder: string;

beforeAll(async () => {
  await ensureBinary();
  folder = mkdtempSync(join(tmpdir(), "havoq-readme-"));
  symlinkSync(join(root, "dist"), join(folder, "dist"));
  mkdirSync(join(folder, "chaos"));
  for (const [, name, content] of text.matchAll(/[Ss]ave this as `([^`]+)`:\s*```(?:ts|yaml)\n([^]*?)```/g))
    await Bun.write(join(folder, name!), content!);
  // The reader's own tests: one that pays.
  const pay = "dist/havoq mqtt publish --server ${MQTT_URL#mqtt://} --topic payments.eu --payload 5 --qos 1";
  await Bun.write(join(folder, "package.json"), JSON.stringify({ scripts: { test: pay } }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a serve command until it is ready, looks at it, ends it. */
async function serves(command: string[], cwd: string): Promise<string> {
  const ports = ["--kafka-port", "--mqtt-port", "--amqp-port", "--admin-port"].flatMap((flag) =>
    command.includes(flag) ? [] : [flag, "0"],
  );
  const child = Bun.spawn([...command, ...ports], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  const readyFile = command[command.indexOf("--ready-file") + 1]!;
  const reading = (async () => {
    for await (const chunk of child.stdout) out += Buffer.from(chunk).toString();
  })();
  const up = (): boolean | Promise<boolean> =>
    command.includes("--ready-file") ? Bun.file(join(cwd, readyFile)).exists() : out.includes("\nready\n");
  while (!(await up())) {
    if (child.exitCode !== null) throw new Error(`ended: ${out}${await new Response(child.stderr).text()}`);
    await Bun.sleep(5);
  }
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  await reading;
  return out;
}

describe("the README", () => {
  test("has commands", () => expect(commands.length).toBeGreaterThan(6));

  test("names only scripts that package.json has", async () => {
    const { scripts } = await Bun.file(join(root, "package.json")).json();
    const named = [...text.matchAll(/(?:`|\$ )npm (\w+)/g)].map((match) => match[1]!);
    expect([...new Set(named)].sort()).toEqual(["start", "test"]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
    expect(scripts.test).toContain(".ci/test.ts"); // this very run
  });

  const step = inOrder(async (i) => {
    const command = commands[i]!;
    const words = command.split(/\s+/);
    if (command === "npm start") {
      // As npm runs it, but on free ports. What the build prints comes first.
      const all = await serves([process.execPath, ".ci/start.ts"], root);
      const out = all.slice(all.indexOf("\n") + 1);
      const promised = blocks
        .find((block) => block.language === "console")!
        .body.split("\n")
        .slice(1);
      const shape = (lines: string[]): string[] => lines.filter((line) => line !== "").map((line) => line.replace(/\d+/g, "0").trim());
      expect(shape(out.split("\n"))).toEqual(shape(promised));
    } else if (words[1] === "serve") {
      const out = await serves(words, folder);
      if (words.includes("--seed")) expect(out).toContain(`seed ${words[words.indexOf("--seed") + 1]}`);
      if (words.includes("--plugins")) expect(out).toContain("late");
    } else if (words[1] === "exec") {
      const { exitCode, stderr } = Bun.spawnSync(words, { cwd: folder });
      expect(exitCode).toBe(0);
      expect(stderr.toString()).toMatch(/seed \d+/);
      expect(await Bun.file(join(folder, "report.md")).text()).toContain("payments come twice");
    } else if (words[0] === "dist/havoq") {
      const { exitCode, stderr, stdout } = Bun.spawnSync(words, { cwd: folder });
      expect([exitCode, stderr.toString()]).toEqual([0, ""]);
      expect(stdout.toString()).not.toBe("");
    } else {
      throw new Error("this test does not know how to run it");
    }
  });

  for (const [i, command] of commands.entries()) test(command, () => step(i), 120_000); // npm start builds first
});
