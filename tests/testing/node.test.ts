/** havoq/testing as users of Node have it: built, with the binary as a child process, under node:test and Vitest. */
import { beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compileTesting } from "../../build.ts";
import { ensureBinary } from "../support/binary.ts";

const root = resolve(import.meta.dirname, "../..");
const LONG = 120_000;
const project = mkdtempSync(join(tmpdir(), "havoq-testing-"));

beforeAll(async () => {
  await ensureBinary();
  // As npm would lay it out, with a binary from elsewhere.
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "havoq"), { recursive: true });
  await compileTesting(join(modules, "havoq/testing"));
  writeFileSync(
    join(modules, "havoq/package.json"),
    JSON.stringify({
      name: "havoq",
      type: "module",
      exports: { "./testing": { types: "./testing/index.d.ts", require: "./testing/index.cjs", default: "./testing/index.js" } },
    }),
  );
  for (const name of ["mqtt", "vitest", "typescript"]) symlinkSync(join(root, "node_modules", name), join(modules, name));
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  cpSync(join(import.meta.dirname, "node/shared.mjs"), join(project, "shared.mjs"));
}, LONG);

function run(command: string[]): { code: number; output: string } {
  const { HAVOQ_SEED: _seed, ...env } = process.env;
  const done = Bun.spawnSync(command, {
    cwd: project,
    env: { ...env, HAVOQ_BINARY: join(root, "dist/havoq"), CI: "1", NO_COLOR: "1" },
    timeout: 90_000,
  });
  return { code: done.exitCode, output: `${done.stdout}${done.stderr}` };
}

test(
  "node:test",
  () => {
    writeFileSync(
      join(project, "node.test.mjs"),
      `
    import assert from "node:assert/strict";
    import test from "node:test";
    import { dropped, refused } from "./shared.mjs";
    test("dropped", () => dropped(assert.equal));
    test("refused", () => refused(assert.equal));
    test("fails where it should", async () => assert.rejects(dropped(() => assert.fail("seen"))));
  `,
    );
    const { code, output } = run(["node", "--test", "--test-reporter", "tap", "node.test.mjs"]);
    expect([code, output]).toEqual([0, expect.stringMatching(/# pass 3\n# fail 0/)]);
  },
  LONG,
);

/** As Jest loads modules unless told otherwise. */
test(
  "node:test in CommonJS",
  () => {
    writeFileSync(
      join(project, "node.test.cjs"),
      `
    const assert = require("node:assert/strict");
    const { after, before, test } = require("node:test");
    const { start } = require("havoq/testing");
    const mqtt = require("mqtt");
    let havoq;
    before(async () => (havoq = await start()));
    after(() => havoq.stop());
    test("refuses the second", async () => {
      const refuse = await havoq.rule({ match: { topic: "t" }, when: { nth: 2 }, fault: { drop: {} } });
      const client = await mqtt.connectAsync(havoq.mqtt.url);
      for (const word of ["a", "b"]) await client.publishAsync("t", word, { qos: 1 });
      await client.endAsync();
      assert.equal(await refuse.fired(), 1);
    });
  `,
    );
    const { code, output } = run(["node", "--test", "--test-reporter", "tap", "node.test.cjs"]);
    expect([code, output]).toEqual([0, expect.stringMatching(/# pass 1\n# fail 0/)]);
  },
  LONG,
);

test(
  "Vitest",
  () => {
    writeFileSync(
      join(project, "vi.test.mjs"),
      `
    import { expect, test } from "vitest";
    import { dropped, refused } from "./shared.mjs";
    const check = (is, wanted) => expect(is).toBe(wanted);
    test("dropped", () => dropped(check));
    test("refused", () => refused(check));
  `,
    );
    const { code, output } = run(["node", "node_modules/vitest/vitest.mjs", "run", "vi.test.mjs"]);
    expect([code, output]).toEqual([0, expect.stringMatching(/Tests +2 passed/)]);
  },
  LONG,
);

test(
  "the declarations stand alone, and know what a rule is",
  () => {
    const check = (file: string, text: string) => {
      writeFileSync(join(project, file), text);
      const flags = ["--noEmit", "--strict", "--target", "esnext", "--module", "nodenext", "--lib", "esnext"];
      return run(["node", "node_modules/typescript/bin/tsc", "--ignoreConfig", ...flags, file]);
    };
    const good = check(
      "good.ts",
      `
    import { start, type TestHavoq } from "havoq/testing";
    const havoq: TestHavoq = await start({ seed: 1 });
    const rule = await havoq.rule({ match: { operation: "Produce" }, when: { nth: 2 }, fault: { drop: {} } });
    const times: number = await rule.fired();
    await havoq.until({ group: "g", is: "stable", members: times }, "2s");
    await havoq.stop();
  `,
    );
    expect([good.code, good.output]).toEqual([0, ""]);
    expect(
      check("bad.ts", 'import { start } from "havoq/testing";\nawait (await start()).rule({ match: { topik: "t" }, fault: "drop" });\n')
        .output,
    ).toContain("topik");
  },
  LONG,
);

test(
  "a binary that is not there is an error that says what to do; brokers that nobody stopped do not keep a test from ending, and end with it",
  async () => {
    const missing = run([
      "node",
      "--input-type=module",
      "-e",
      'import { start } from "havoq/testing"; await start({ binary: "no-such-binary" }).catch((error) => console.log(error.message));',
    ]);
    expect([missing.code, missing.output]).toEqual([0, expect.stringContaining("HAVOQ_BINARY")]);
    const left = run([
      "node",
      "--input-type=module",
      "-e",
      'import { start } from "havoq/testing"; const havoq = await start(); console.log(JSON.stringify(havoq.admin));',
    ]);
    expect(left.code).toBe(0);
    const { url } = JSON.parse(left.output);
    // They are killed by who started them, and gone a little later.
    while (
      await fetch(`${url}/health/live`).then(
        () => true,
        () => false,
      )
    )
      await Bun.sleep(5);
  },
  LONG,
);
