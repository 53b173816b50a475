/**
 * "Adding a thing is one file": the fault that docs/ARCHITECTURE.md shows, and a control action, put into a copy
 * of the tree, are all it takes.
 */
import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import mqtt from "mqtt";

const root = resolve(import.meta.dirname, "../..");

test("a fault and a control action are one file each, and a regenerated index", async () => {
  const page = await Bun.file(join(root, "docs/ARCHITECTURE.md")).text();
  const [, path, code] = /```ts\n\/\/ (src\/rules\/faults\/\S+)\n([^]*?)```/.exec(page)!;
  const copy = mkdtempSync(join(tmpdir(), "havoq-one-file-"));
  for (const part of ["src", "build.ts", "package.json", "tsconfig.json"]) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  await Bun.write(join(copy, path!), code!);
  await Bun.write(
    join(copy, "src/control/actions/count-topics.ts"),
    `import { text, whole } from "../../core/shape.ts";
import { action, argument } from "../action.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** How many Kafka topics begin with \`prefix\`. */
    countTopics(prefix: string): number;
  }
}

export default action({
  name: "countTopics",
  summary: "Counts Kafka topics",
  protocol: "kafka",
  takes: [argument("prefix", text)],
  returns: { shape: whole(0), says: "how many topics" },
  run: (on, prefix) => [...on.part("kafka").topics.keys()].filter((name) => name.startsWith(prefix)).length,
});
`,
  );
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

    // The action: over HTTP with its OpenAPI, in a scenario's steps, and in the types of a plugin.
    const admin = `http://127.0.0.1:${(await Bun.file(ready).json()).admin.port}`;
    const post = async (path: string, body: object): Promise<any> =>
      (
        await fetch(`${admin}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
      ).json();
    expect(await post("/api/control/countTopics", { prefix: "a" })).toEqual({ result: 0 });
    expect((await post("/api/control/countTopics", { prefx: "a" })).error).toContain("did you mean prefix?");
    const openapi: any = await (await fetch(`${admin}/api/openapi.json`)).json();
    expect(openapi.paths["/api/control/countTopics"].post.summary).toBe("Counts Kafka topics; answers with how many topics");
    expect((await post("/api/scenarios", { steps: [{ do: { countTopics: { prefx: "a" } } }] })).error).toContain("did you mean prefix?");
    const typed =
      'import { definePlugin } from "havoq";\nexport default definePlugin({ message: (_, at) => void at.broker.countTopics(CALL) });\n';
    const check = async (call: string): Promise<number | null> => {
      await Bun.write(join(copy, "checked/typed.ts"), typed.replace("CALL", call));
      return Bun.spawnSync([join(copy, "dist/havoq"), "plugin", "check", "checked/typed.ts"], { cwd: copy }).exitCode;
    };
    expect([await check('"a"'), await check("1")]).toEqual([0, 1]);
  } finally {
    havoq.kill();
    await havoq.exited;
    rmSync(copy, { recursive: true });
  }
}, 120_000);
