/** What docs/ORACLE.md and docs/SCENARIOS.md tell people to type, typed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureBinary } from "../support/binary.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "havoq-docs-"));
const commands = (await Promise.all(["ORACLE.md", "SCENARIOS.md"].map((page) => Bun.file(join(root, "docs", page)).text()))).flatMap(
  (text) =>
    [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, body]) =>
      body!
        .split("\n")
        .map((line) => line.replace(/\s+#.*$/, "").trim())
        .filter((line) => line !== ""),
    ),
);

beforeAll(async () => {
  await ensureBinary();
  await Bun.write(
    join(folder, "flaky.yaml"),
    "chaos:\n  - name: quiet\n    optional: true\n    match: { topic: t }\n    fault: { drop: {} }\n",
  );
  await Bun.write(join(folder, "package.json"), '{ "scripts": { "test": "exit 0" } }');
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

test("there are some", () => expect(commands.length).toBeGreaterThanOrEqual(4));

test.each(commands)(
  "%s",
  async (command) => {
    const [program, verb, ...words] = command.split(" ");
    expect(program).toBe("havoq");
    const binary = join(root, "dist/havoq");
    if (verb === "exec") {
      const { exitCode, stderr } = Bun.spawnSync([binary, verb, ...words], { cwd: folder });
      expect([exitCode, stderr.toString()]).toEqual([0, expect.stringContaining("passed, seed ")]);
      return;
    }
    expect(verb).toBe("serve");
    const ready = join(folder, "ready.json");
    rmSync(ready, { force: true });
    const ports = ["kafka", "mqtt", "amqp", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
    const child = Bun.spawn([binary, verb, ...words, ...ports, "--ready-file", ready], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    while (!(await Bun.file(ready).exists())) {
      expect(child.exitCode).toBeNull();
      await Bun.sleep(5); // another process starts: there is nothing else to wait for
    }
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    const account = words[words.indexOf("--oracle") + 1]!;
    if (words.includes("--oracle")) expect((await Bun.file(join(folder, account)).text()).length).toBeGreaterThan(10);
  },
  60_000,
);
