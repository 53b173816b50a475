/** "Adding a thing is one file": the fault that docs/ARCHITECTURE.md shows, put into a copy of the tree, is all it takes. */
import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import mqtt from "mqtt";

const root = resolve(import.meta.dirname, "../..");

test("a fault is one file and a regenerated index", async () => {
  const page = await Bun.file(join(root, "docs/ARCHITECTURE.md")).text();
  const [, path, code] = /```ts\n\/\/ (src\/rules\/faults\/\S+)\n([^]*?)```/.exec(page)!;
  const copy = mkdtempSync(join(tmpdir(), "havoq-one-file-"));
  for (const part of ["src", "build.ts", "package.json", "tsconfig.json"]) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  await Bun.write(join(copy, path!), code!);
  await Bun.write(
    join(copy, "plugins/short.ts"),
    'import { rule } from "havoq";\nexport default rule({ match: { protocol: "mqtt", topic: "t" }, fault: { truncate: { bytes: 5 } } });\n',
  );
  const build = Bun.spawnSync([process.execPath, "build.ts"], { cwd: copy });
  expect([build.exitCode, build.stderr.toString()]).toEqual([0, ""]);

  const ready = join(copy, "ready.json");
  const flags = ["kafka", "mqtt", "amqp", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
  const havoq = Bun.spawn(
    [join(copy, "dist/havoq"), "serve", ...flags, "--plugins", join(copy, "plugins"), "--ready-file", ready, "--quiet"],
    {
      cwd: copy,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  try {
    while (!(await Bun.file(ready).exists())) {
      expect(havoq.exitCode).toBeNull();
      await Bun.sleep(5);
    }
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${(await Bun.file(ready).json()).mqtt.port}`);
    const got = new Promise<string>((done) => client.on("message", (_topic, payload) => done(payload.toString())));
    await client.subscribeAsync("t");
    await client.publishAsync("t", "truncated");
    expect(await got).toBe("trunc");
    await client.endAsync();
  } finally {
    havoq.kill();
    await havoq.exited;
    rmSync(copy, { recursive: true });
  }
}, 120_000);
