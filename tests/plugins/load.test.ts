import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { PluginFolder } from "../../src/loader/load.ts";
import { pluginHouse } from "./folder.ts";

/** A plugin that puts a mark behind everything it echoes. */
const marking = (mark: string): string => `
  import { definePlugin, replace } from "havoq";
  export default definePlugin({ request: (op) => replace({ text: op.text + ${JSON.stringify(mark)} }) });
`;

describe("what is loaded", () => {
  test("files and folders with an index, in the order of their names; nothing else", async () => {
    using house = await pluginHouse({
      "b.ts": marking("b"),
      "a.js": marking("a"),
      "c.mjs": marking("c"),
      "d/index.ts": marking("d"),
      "_helper.ts": "throw new Error('a helper is only imported')",
      "types.d.ts": "throw new Error('declarations are not loaded')",
      "b.test.ts": "throw new Error('tests are not loaded')",
      ".hidden.ts": "throw new Error('hidden files are not loaded')",
      "node_modules/pack/index.ts": "throw new Error('packages are only imported')",
      "notes/readme.md": "no index here",
      "data.json": "{}",
    });
    expect(house.plugins.status().map(({ name, state, hooks }) => [name, state, hooks])).toEqual([
      ["a", "on", ["request"]],
      ["b", "on", ["request"]],
      ["c", "on", ["request"]],
      ["d", "on", ["request"]],
    ]);
    expect(await house.echo("x")).toBe("xabcd");
    expect(house.printed).toEqual([]);
  });

  test("a plugin imports its own files, packages beside it, JSON, and what lies beside it on disk", async () => {
    using house = await pluginHouse({
      "own.ts": `
        import { readFileSync } from "node:fs";
        import { definePlugin, replace, type Operation } from "havoq";
        import { mark } from "./_lib/mark.ts";
        import { packed } from "packed";
        import table from "./table.json";
        const beside = readFileSync(new URL("./beside.txt", import.meta.url), "utf8");
        export default definePlugin({ request: (op: Operation & { text: string }) => replace({ text: [op.text, mark(), packed, table.cell, beside].join("-") }) });
      `,
      "_lib/mark.ts": `export const mark = (): string => "own";`,
      "node_modules/packed/package.json": `{ "name": "packed", "version": "1.0.0", "type": "module", "main": "main.js" }`,
      "node_modules/packed/main.js": `export { packed } from "./deep.cjs";`,
      "node_modules/packed/deep.cjs": `exports.packed = "package";`,
      "table.json": `{ "cell": "json" }`,
      "beside.txt": "file",
    });
    expect(house.printed).toEqual([]);
    expect(await house.echo("x")).toBe("x-own-package-json-file");
  });

  test("a function gets its options; a name of its own counts", async () => {
    const source = `
      import { definePlugin, replace } from "havoq";
      export default definePlugin((options: { mark?: string }) => {
        if (typeof options.mark !== "string") throw new TypeError("mark is missing");
        return { name: "other", request: (op: any) => replace({ text: op.text + options.mark }) };
      });
    `;
    using house = await pluginHouse({ "given.ts": source }, { options: { given: { mark: "!" }, givn: {} } });
    expect(await house.echo("x")).toBe("x!");
    expect(house.plugins.status()[0]!.name).toBe("other");
    expect(house.printed.join("\n")).toContain("options for plugin givn: there is no such file");
    expect(house.printed.join("\n")).toContain("did you mean given?");
    using bare = await pluginHouse({ "given.ts": source });
    expect(bare.printed[0]).toContain(`${join(bare.folder.path, "given.ts")}:4`);
    expect(bare.printed[0]).toContain("TypeError: mark is missing");
  });

  test("a top level that awaits is waited for", async () => {
    using house = await pluginHouse({
      "slow.ts": `await new Promise((resolve) => setTimeout(resolve, 5));\n${marking("late")}`,
    });
    expect(await house.echo("x")).toBe("xlate");
  });

  test("the second of two plugins with one name is refused", async () => {
    using house = await pluginHouse({
      "a.ts": `export default { name: "twin", request: () => undefined };`,
      "b.ts": `export default { name: "twin", request: () => undefined };`,
    });
    expect(house.printed.join("\n")).toContain(`another plugin is called twin: ${join(house.folder.path, "a.ts")}`);
    expect(house.plugins.status().map((one) => one.state)).toEqual(["on", "failed"]);
  });

  test("a folder that is not there is an error", async () => {
    using house = await pluginHouse({});
    const { seam, guard, clock } = house;
    const missing = new PluginFolder({ dir: join(house.folder.path, "nowhere"), seam, guard, clock, print: () => {} });
    await expect(missing.start()).rejects.toThrow("there is no plugins folder");
  });
});

describe("what cannot be loaded names its file and line, and the others serve", () => {
  /** Each source, the place that must be named, and what must be said. */
  const cases: Record<string, [source: string, place: string, said: string]> = {
    "a syntax error": [`import { drop } from "havoq";\nexport default {\n  request( { return drop(); },\n};`, ":3:", "Expected"],
    "a throw at import": [
      `const a: number = 1;\n\nfunction fails(): never {\n  throw new RangeError("too far");\n}\nfails();\nexport default {};`,
      ":4:",
      "RangeError: too far",
    ],
    "something thrown that is no error": [`throw "just a word";`, "", `threw "just a word"`],
    "a rejected top level": [`await Promise.reject(new Error("no"));\nexport default {};`, ":1:", "no (while it was loaded)"],
    "an endless loop at import": [`let n = 0;\nfor (;;) n++;\nexport default {};`, ":2", "did not come back within 1000 ms"],
    "an endless loop of nothing at import": [`while (true) {}\nexport default {};`, ":1", "did not come back within 1000 ms"],
    "an endless loop in the making": [
      `export default () => {\n  for (let i = 1; i; i++) JSON.stringify(i);\n};`,
      ":2",
      "did not come back within 1000 ms (from its options)",
    ],
    "a missing file": [`\nimport { x } from "./gone.ts";\nexport default { request: x };`, ":2:", "./gone.ts"],
    "a missing package": [`import x from "no-such-package";\nexport default { request: x };`, ":1:", "no-such-package"],
    "a missing export of an own file": [
      `import { nothing } from "./_own.ts";\nexport default { request: nothing };`,
      ":1:",
      `No matching export`,
    ],
    "a missing export of havoq": [
      `\n\nimport { dealy } from "havoq";\nexport default { request: () => dealy(1) };`,
      ":3:",
      "havoq has no export dealy; did you mean delay?",
    ],
    "no default export": [`export const request = () => undefined;`, ":1", "no default export"],
    "a default export that is no plugin": [`// a comment\nexport default 5;`, ":2:", "the default export is a number, not a plugin"],
    "a list": [`export default [];`, ":1:", "the default export is a list"],
    "no hook at all": [`export default { name: "idle" };`, ":1:", "the plugin has no hook"],
    "an unknown hook": [
      `export default {\n  name: "typo",\n  mesage: () => undefined,\n};`,
      ":3:",
      "unknown hook: mesage; did you mean message?",
    ],
    "a hook that is no function": [`export default {\n  message: 7 };`, ":2:", "message is a number, not a function or { match, run }"],
    "a hook without run": [`export default {\n  message: { match: { topic: "a" } } };`, ":2:", "message has no function run"],
    "an unknown key beside match": [
      `export default {\n  message: {\n    mach: {},\n    run() {},\n  },\n};`,
      ":3:",
      "unknown key in message: mach; did you mean match?",
    ],
    "an unknown match key": [
      `export default {\n  request: () => undefined,\n  message: [{\n    match: {\n      topc: "orders" },\n    run() {} }],\n};`,
      ":5:",
      "unknown key in match of message: topc; did you mean topic?",
    ],
    "a match value of the wrong kind": [
      `export default {\n  message: { match: { topic: 5 }, run() {} } };`,
      ":2:",
      "topic in match of message is 5, not a word or a regular expression",
    ],
    "an unknown protocol": [
      `export default {\n  message: { match: { protocol: "kafak" }, run() {} } };`,
      ":2:",
      `is "kafak", not one of kafka, mqtt, amqp: did you mean kafka?`,
    ],
    "a name that is no word": [`export default {\n  name: 5, request() {} };`, ":2:", "name is a number, not a word"],
    "options that give no plugin": [`export default () => Promise.resolve({});`, ":1:", "the default export is a promise, not a plugin"],
  };
  for (const [name, [source, place, said]] of Object.entries(cases)) {
    test(name, async () => {
      using house = await pluginHouse({ "a-good.ts": marking("!"), "bad.ts": source, "_own.ts": "export const something = 1;" });
      const printed = house.printed.join("\n");
      expect(printed).toContain("plugin bad: not loaded");
      expect(printed).toContain(said);
      expect(printed).toContain(`${join(house.folder.path, "bad.ts")}${place}`);
      expect(house.seam.record("bad").errors).toBe(1);
      expect(house.plugins.status()[1]).toMatchObject({ name: "bad", state: "failed" });
      expect(await house.echo("x")).toBe("x!");
    });
  }

  test("an error in a file that the plugin imports names that file", async () => {
    using house = await pluginHouse({
      "bad.ts": `import "./_deep.ts";\nexport default { request() {} };`,
      "_deep.ts": `const a = 1;\nnull!.x;\n`,
    });
    expect(house.printed.join("\n")).toContain(`${join(house.folder.path, "_deep.ts")}:2`);
  });
});

describe("reload when saved", () => {
  test("the new version answers, on connections that stay open", async () => {
    using house = await pluginHouse({ "mark.ts": marking("1") });
    const client = house.connect();
    client.send("x");
    expect(await client.take(1)).toEqual(["x1"]);
    house.folder.write("mark.ts", marking("2"));
    await house.prints("plugin mark: reloaded");
    client.send("x");
    expect(await client.take(1)).toEqual(["x2"]);
  });

  test("also when an editor puts a new file in the place of the old one, again and again", async () => {
    using house = await pluginHouse({ "mark.ts": marking("1") });
    for (let version = 2; version < 5; version++) {
      house.folder.replace("mark.ts", marking(String(version)));
      await house.prints("plugin mark: reloaded");
      house.printed.length = 0;
      expect(await house.echo("x")).toBe(`x${version}`);
    }
  });

  test("also when a file or a package that it imports is saved", async () => {
    using house = await pluginHouse({
      "mark.ts": `import { replace } from "havoq";\nimport { mark } from "./_lib/mark.ts";\nexport default { request: (op) => replace({ text: op.text + mark }) };`,
      "_lib/mark.ts": `import { packed } from "packed";\nexport const mark = "1" + packed;`,
      "node_modules/packed/index.js": `export const packed = "p1";`,
    });
    expect(await house.echo("x")).toBe("x1p1");
    house.folder.replace("_lib/mark.ts", `import { packed } from "packed";\nexport const mark = "2" + packed;`);
    await house.prints("reloaded");
    expect(await house.echo("x")).toBe("x2p1");
    house.printed.length = 0;
    house.folder.write("node_modules/packed/index.js", `export const packed = "p2";`);
    await house.prints("reloaded");
    expect(await house.echo("x")).toBe("x2p2");
  });

  test("while the new version has errors, the old one serves; state and counters stay", async () => {
    const counting = (mark: string): string => `
      import { replace } from "havoq";
      export default { request: (op, at) => replace({ text: op.text + at.counters.add("n") + ${JSON.stringify(mark)} }) };`;
    using house = await pluginHouse({ "mark.ts": counting("a") });
    expect(await house.echo("x")).toBe("x1a");
    house.folder.write("mark.ts", "export default {{");
    await house.prints("plugin mark: not reloaded, the version before stays in service");
    expect(house.plugins.status()[0]!.state).toBe("stale");
    expect(await house.echo("x")).toBe("x2a");
    house.folder.write("mark.ts", counting("b"));
    await house.prints("plugin mark: reloaded");
    expect(house.plugins.status()[0]!.state).toBe("on");
    expect(await house.echo("x")).toBe("x3b");
  });

  test("a plugin that comes is loaded, one that goes is gone, one whose missing import comes is loaded", async () => {
    using house = await pluginHouse({
      "wants.ts": `import { replace } from "havoq";\nimport { mark } from "./_late.ts";\nexport default { request: (op) => replace({ text: op.text + mark }) };`,
    });
    expect(await house.echo("x")).toBe("x");
    house.folder.write("_late.ts", `export const mark = "late";`);
    await house.prints("plugin wants: loaded");
    expect(await house.echo("x")).toBe("xlate");
    house.folder.write("new/index.ts", marking("new"));
    while (house.plugins.status().length < 2) await house.clock.sleep(10);
    expect(await house.echo("x")).toBe("xnewlate");
    house.folder.remove("wants.ts");
    await house.prints("plugin wants: gone");
    expect(await house.echo("x")).toBe("xnew");
  });
});
