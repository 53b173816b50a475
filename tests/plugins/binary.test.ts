import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { compile } from "../../build.ts";
import { TemporaryFolder } from "./folder.ts";

/** What holds for plugins must hold in the compiled binary, far from these sources. */
const home = new TemporaryFolder();
const binary = join(home.path, process.platform === "win32" ? "toy.exe" : "toy");

beforeAll(() => compile({ outfile: binary, entrypoint: join(import.meta.dirname, "../support/toy-host.ts") }), 120_000);
afterAll(() => home[Symbol.dispose]());

class Toy implements AsyncDisposable {
  printed = "";
  port = 0;
  private wakes: (() => void)[] = [];
  private readonly process: Subprocess<"pipe", "pipe", "pipe">;

  constructor(readonly folder: TemporaryFolder) {
    this.process = Bun.spawn([binary, "serve", folder.path], { cwd: home.path, stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    void this.listen();
  }

  static async start(files: Record<string, string>): Promise<Toy> {
    const toy = new Toy(new TemporaryFolder(files));
    for await (const chunk of toy.process.stdout) {
      toy.port = Number(Buffer.from(chunk).toString());
      break;
    }
    return toy;
  }

  private async listen(): Promise<void> {
    for await (const chunk of this.process.stderr) {
      this.printed += Buffer.from(chunk).toString();
      for (const wake of this.wakes.splice(0)) wake();
    }
  }

  async prints(text: string): Promise<void> {
    while (!this.printed.includes(text)) await new Promise<void>((wake) => this.wakes.push(wake));
  }

  async connect(): Promise<{ echo(text: string): Promise<string> }> {
    let got = Buffer.alloc(0);
    let wake = (): void => {};
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        data(_socket, chunk) {
          got = Buffer.concat([got, chunk]);
          wake();
        },
        close: () => wake(),
      },
    });
    return {
      async echo(text) {
        socket.write(Buffer.from([text.length, ...Buffer.from(text)]));
        while (got.length === 0 || got.length < got[0]! + 1) await new Promise<void>((resolve) => (wake = resolve));
        const answer = got.toString("latin1", 1, got[0]! + 1);
        got = got.subarray(got[0]! + 1);
        return answer;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.stdin.end();
    expect(await this.process.exited).toBe(0);
    this.folder[Symbol.dispose]();
  }
}

const marking = (mark: string): string => `import { definePlugin, replace } from "havoq";\nexport default definePlugin({ request: (op: any) => replace({ text: op.text + ${JSON.stringify(mark)} }) });`;

describe("in the compiled binary", () => {
  test("a plugin imports havoq, its own files and packages beside it, and is reloaded on save without dropping a connection", async () => {
    await using toy = await Toy.start({
      "mark.ts": `import { definePlugin, replace } from "havoq";\nimport { own } from "./_own.ts";\nimport { packed } from "packed";\nexport default definePlugin({ request: (op: any) => replace({ text: op.text + own + packed }) });`,
      "_own.ts": `export const own: string = "-own";`,
      "node_modules/packed/index.js": `export const packed = "-packed";`,
    });
    const client = await toy.connect();
    expect(await client.echo("x")).toBe("x-own-packed");
    toy.folder.replace("_own.ts", `export const own: string = "-new";`);
    await toy.prints("plugin mark: reloaded");
    expect(await client.echo("x")).toBe("x-new-packed");
    toy.folder.write("mark.ts", "export default {{");
    await toy.prints("not reloaded, the version before stays in service");
    expect(toy.printed).toContain(`${join(toy.folder.path, "mark.ts")}:1:`);
    expect(await client.echo("x")).toBe("x-new-packed");
  });

  test("what cannot be loaded names file and line; the others serve", async () => {
    await using toy = await Toy.start({
      "good.ts": marking("!"),
      "hook.ts": `export default {\n  reqest: () => undefined,\n};`,
      "import.ts": `\nimport { dorp } from "havoq";\nexport default { request: () => dorp() };`,
      "loop.ts": `while (true) {}\nexport default {};`,
      "optional.ts": `export default (options: { mark: unknown }) => {\n  if (typeof options.mark !== "string") throw new TypeError("mark must be a word");\n  return { request() {} };\n};`,
      "syntax.ts": `export default {\n  request( { return 1 },\n};`,
      "throw.ts": `interface Long { text: string }\n\nconst nothing = undefined as unknown as Long;\nnothing.text.length;\nexport default {};`,
    });
    const at = (name: string, line: string): string => `${join(toy.folder.path, name)}:${line}`;
    for (const said of [
      `${at("hook.ts", "2:3")}: unknown hook: reqest; did you mean request?`,
      `${at("import.ts", "2:")}`,
      `havoq has no export dorp; did you mean drop?`,
      `${at("loop.ts", "1")}`,
      `${at("optional.ts", "2:")}`,
      `TypeError: mark must be a word (from its options)`,
      `${at("syntax.ts", "2:")}`,
      `${at("throw.ts", "4:")}`,
    ]) {
      expect(toy.printed).toContain(said);
    }
    expect(await (await toy.connect()).echo("x")).toBe("x!");
  });

  test("a throw, a rejection, a stray promise and a loop name file and line, and end with the plugin switched off", async () => {
    await using toy = await Toy.start({
      "bad.ts": `import { definePlugin } from "havoq";

interface Op { text: string }
export default definePlugin({
  request(op: any, at) {
    const { text } = op as Op;
    if (text === "throw") throw new Error("thrown");
    if (text === "reject") return Promise.reject(new RangeError("rejected"));
    if (text === "stray") void Promise.reject(new Error("in the air"));
    if (text === "timer") setTimeout(() => { throw new Error("in a timer"); }, 1);
    if (text === "loop") while (true) {}
    if (text === "late") return at.clock.sleep(1).then(forever);
  },
});
function forever(): never { for (;;); }
`,
    });
    const file = join(toy.folder.path, "bad.ts");
    const client = await toy.connect(), other = await toy.connect();
    const says = async (text: string, said: string): Promise<void> => {
      const [answer, calm] = await Promise.all([client.echo(text), other.echo("calm")]);
      expect([answer, calm]).toEqual([text, "calm"]);
      await toy.prints(said);
    };
    await says("throw", `plugin bad: request failed: ${file}:7: thrown`);
    await says("reject", `plugin bad: request failed: ${file}:8: RangeError: rejected`);
    await says("stray", `plugin bad: nobody caught ${file}:9: Error: in the air`);
    await says("timer", `plugin bad: nobody caught ${file}:10: Error: in a timer`);
    await says("loop", `plugin bad: request failed: ${file}:5: did not come back within 200 ms; is it the loop in line 11?`);
    await says("late", `plugin bad: request failed: ${file}:15: did not come back within 200 ms`);
    await says("loop", `PLUGIN SWITCHED OFF: bad (${file}) after 3 time-outs`);
    expect(toy.printed).toContain(`plugin bad: request failed: ${file}:11: did not come back within 200 ms\n`);
    expect(await client.echo("loop")).toBe("loop");
    toy.folder.write("bad.ts", marking(" again"));
    await toy.prints("plugin bad: reloaded");
    expect(await client.echo("x")).toBe("x again");
  });

  test("plugin new writes what plugin check approves, and check names what is wrong", () => {
    using folder = new TemporaryFolder();
    const run = (...args: string[]) => {
      const { stdout, stderr, exitCode } = Bun.spawnSync([binary, "plugin", ...args], { cwd: folder.path });
      return { out: stdout.toString(), err: stderr.toString(), exitCode };
    };
    expect(run("new", "slow", "--dir", "made")).toMatchObject({ exitCode: 0, out: ["slow.ts", "tsconfig.json", "havoq.d.ts", "havoq-globals.d.ts"].map((name) => `${join(folder.path, "made", name)}\n`).join("") });
    expect(run("check", "made")).toEqual({ exitCode: 0, out: "no problems\n", err: "" });
    expect(run("new", "slow", "--dir", "made")).toMatchObject({ exitCode: 1 });
    folder.write("made/slow.ts", `import { definePlugin, delay } from "havoq";\nexport default definePlugin({\n  message: () => delay("a while"),\n});\n`);
    const wrong = run("check", "made/slow.ts");
    expect(wrong.exitCode).toBe(1);
    expect(wrong.out).toContain(`${join(folder.path, "made/slow.ts")}:3:24: Argument of type 'string' is not assignable to parameter of type 'number'.\n     3 |   message: () => delay("a while"),\n       |                        ^`);
    expect(JSON.parse(run("check", "made/slow.ts", "--json").out)).toMatchObject([{ line: 3, column: 24 }]);
  });
});
