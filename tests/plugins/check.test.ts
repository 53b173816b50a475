import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPlugins } from "../../src/cli/plugin/check.ts";
import { newPlugin } from "../../src/cli/plugin/new.ts";
import { pluginHouse, TemporaryFolder } from "./folder.ts";

/** What is said about a folder with one plugin, with the paths cut to names. */
async function check(source: string, others: Record<string, string> = {}): Promise<string[]> {
  using folder = new TemporaryFolder({ "plugin.ts": source, ...others });
  const problems = await checkPlugins([folder.path]);
  return problems.map(({ file, line, message }) => `${file.replace(`${folder.path}/`, "")}:${line}: ${message.split("\n")[0]}`);
}

describe("plugin new", () => {
  test("writes a template that checks and loads, with all that an editor needs", async () => {
    using folder = new TemporaryFolder();
    const dir = join(folder.path, "made/here");
    const written = newPlugin("slow-orders", dir);
    expect(written).toEqual(["slow-orders.ts", "tsconfig.json", "havoq.d.ts", "havoq-globals.d.ts"].map((name) => join(dir, name)));
    expect(await checkPlugins([dir])).toEqual([]);
    using house = await pluginHouse({ "slow-orders.ts": readFileSync(join(dir, "slow-orders.ts"), "utf8") });
    expect(house.printed).toEqual([]);
    expect(house.plugins.status()).toMatchObject([{ name: "slow-orders", state: "on", hooks: ["message"] }]);
  });

  test("overwrites no plugin and no tsconfig, and refuses what is no name", () => {
    using folder = new TemporaryFolder({ "tsconfig.json": "{}" });
    expect(newPlugin("one.ts", folder.path)).not.toContain(join(folder.path, "tsconfig.json"));
    expect(readFileSync(join(folder.path, "tsconfig.json"), "utf8")).toBe("{}");
    expect(() => newPlugin("one", folder.path)).toThrow("exists already");
    for (const name of ["../out", "a/b", "", "_helper", ".hidden", "a.d.ts", "a.test"]) {
      expect(() => newPlugin(name, folder.path)).toThrow("cannot be called");
    }
    expect(existsSync(join(folder.path, "../out.ts"))).toBe(false);
  });

  test("what it writes satisfies a compiler of the author's own", () => {
    using folder = new TemporaryFolder();
    newPlugin("mine", folder.path);
    folder.write(
      "uses.ts",
      `
      import { definePlugin, fail, reroute, type KafkaMessage } from "havoq";
      const bytes: Buffer = Buffer.from("x");
      console.log(bytes.toString("hex"), new URL("http://localhost").port, process.env.HOME, import.meta.dirname);
      export const keyOf = (message: KafkaMessage): Buffer | null => message.keyBytes;
      export default definePlugin({ message: (message, at) => (message.protocol === "mqtt" && message.qos > 0 ? reroute({ protocol: "kafka", topic: message.topic }) : void at.log(message.text())) });
    `,
    );
    const tsc = Bun.spawnSync([process.execPath, join(import.meta.dirname, "../../node_modules/typescript/bin/tsc"), "-p", folder.path]);
    expect(tsc.stdout.toString()).toBe("");
    expect(tsc.exitCode).toBe(0);
  });
});

describe("plugin check", () => {
  test("says nothing about what is right", async () => {
    expect(
      await check(
        `
        import { readFileSync } from "node:fs";
        import { definePlugin, delay, drop, replace, type Message } from "havoq";
        import { helper } from "./_helper.ts";
        import { typed } from "typed";
        import table from "./table.json";
        const text: string = readFileSync("x", "utf8") + typed.word + table.cell;
        const late = (message: Message): number => message.payload.length + helper;
        export default definePlugin((options: { ms?: number }) => ({
          name: text,
          message: [
            { match: { protocol: ["kafka", "mqtt"], topic: /^a/ }, run: async (message, at) => { await at.clock.sleep(options.ms ?? 5); return delay(late(message)); } },
            (message) => (message.key === null ? drop() : replace({ payload: message.text().toUpperCase() })),
          ],
          disconnect: ({ reason }) => console.log(reason),
        }));`,
        {
          "_helper.ts": "export const helper: number = 1;",
          "node_modules/typed/package.json": `{ "name": "typed", "version": "1.0.0", "types": "index.d.ts", "main": "index.js" }`,
          "node_modules/typed/index.d.ts": "export const typed: { word: string };",
          "table.json": `{ "cell": "c" }`,
        },
      ),
    ).toEqual([]);
  });

  const cases: Record<string, [source: string, said: string]> = {
    "a syntax error": [`export default {\n  message( { return 1 },\n};`, "plugin.ts:2: "],
    "a wrong type": [
      `import { definePlugin, delay } from "havoq";\nexport default definePlugin({\n  message: () => delay("long"),\n});`,
      "plugin.ts:3: Argument of type 'string' is not assignable to parameter of type 'number'.",
    ],
    "an unknown name": [
      `import { definePlugin } from "havoq";\nexport default definePlugin({ message: (message) => void message.txet() });`,
      "plugin.ts:2: Property 'txet' does not exist",
    ],
    "an import that havoq does not have": [
      `import { dealy } from "havoq";\nexport default { message: () => dealy(1) };`,
      "plugin.ts:1: '\"havoq\"' has no exported member named 'dealy'. Did you mean 'delay'?",
    ],
    "a missing file": [
      `import { x } from "./gone.ts";\nexport default { message: () => x };`,
      "plugin.ts:1: Cannot find module './gone.ts'",
    ],
    "a verdict that the hook does not take": [
      `import { definePlugin, duplicate } from "havoq";\nexport default definePlugin({\n  request: () => duplicate(2),\n});`,
      "plugin.ts:3: ",
    ],
    "the same without definePlugin": [
      `import { duplicate } from "havoq";\n\nexport default { request: () => duplicate(2) };`,
      "plugin.ts:3: the default export is not a plugin: ",
    ],
    "an unknown hook": [
      `import { definePlugin } from "havoq";\nexport default definePlugin({\n  message: () => undefined,\n  delivry: () => undefined,\n});`,
      "plugin.ts:4: unknown hook: delivry; did you mean delivery?",
    ],
    "an unknown hook of one made from options": [
      `export default () => ({\n  message: () => undefined,\n  delivry: () => undefined,\n});`,
      "plugin.ts:3: unknown hook: delivry; did you mean delivery?",
    ],
    "an unknown match key": [
      `import { definePlugin } from "havoq";\nexport default definePlugin({\n  message: { match: {\n    topc: "x",\n  }, run: () => undefined },\n});`,
      "plugin.ts:4: ",
    ],
    "an unknown match key in a list": [
      `export default {\n  message: [{ match: {\n    topic: "a",\n    cleint: "x",\n  }, run: () => undefined }],\n};`,
      "plugin.ts:4: unknown key in match of message: cleint; did you mean client?",
    ],
    "no default export": [`export const message = 1;`, "plugin.ts:1: no default export: a plugin says export default definePlugin({ … })"],
    "a default export that is no plugin": [`// nothing\nexport default 7;`, "plugin.ts:2: the default export is not a plugin: Type '"],
  };
  for (const [name, [source, said]] of Object.entries(cases)) {
    test(name, async () => {
      const problems = await check(source);
      expect(problems.filter((problem) => problem.startsWith(said)).length).toBeGreaterThan(0);
    });
  }

  test("names the line in a file that the plugin imports", async () => {
    expect(
      await check(`import "./_deep.ts";\nexport default { message: () => undefined };`, {
        "_deep.ts": `\nexport const n: number = "one";`,
      }),
    ).toEqual(["_deep.ts:2: Type 'string' is not assignable to type 'number'."]);
  });

  test("runs nothing", async () => {
    expect(
      await check(`globalThis.ran = true;\ndeclare global { var ran: boolean }\nexport default { message: () => undefined };`),
    ).toEqual([]);
    expect("ran" in globalThis).toBe(false);
  });

  test("follows the author's tsconfig, and tells what is wrong with it", async () => {
    const loose = `export default { message: (message) => undefined };`;
    expect((await check(loose)).join()).toContain("implicitly has an 'any' type");
    expect(
      await check(loose, { "tsconfig.json": `{ "compilerOptions": { "strict": false, "lib": ["ES5"], "target": "ES2015" } }` }),
    ).toEqual([]);
    expect((await check(loose, { "tsconfig.json": `{ "compilerOptions": { "strict": "perhaps" } }` })).join()).toContain("tsconfig.json");
  });

  test("checks what it is given: files, folders, several", async () => {
    using folder = new TemporaryFolder({
      "a.ts": "export default { message: () => undefined };",
      "b/index.ts": "export default { mesage: () => undefined };",
      "_c.ts": "export const n: number = 'x';",
      "d.d.ts": "nonsense",
    });
    expect((await checkPlugins([folder.path])).length).toBe(2);
    expect(await checkPlugins([join(folder.path, "a.ts")])).toEqual([]);
    expect((await checkPlugins([join(folder.path, "a.ts"), join(folder.path, "_c.ts")])).map((one) => one.file)).toContain(
      join(folder.path, "_c.ts"),
    );
    await expect(checkPlugins([join(folder.path, "nowhere")])).rejects.toThrow("there is no");
  });
});
