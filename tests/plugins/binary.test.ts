import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { connectAsync, type MqttClient } from "mqtt";
import { compile } from "../../build.ts";
import { TemporaryFolder } from "./folder.ts";

/** What holds for plugins must hold in the compiled binary, far from these sources. */
const home = new TemporaryFolder({ "havoq.yaml": "plugins: { time_limit: 200, options: { optional: { mark: 5 } } }\n" });
const binary = join(home.path, process.platform === "win32" ? "havoq.exe" : "havoq");

beforeAll(() => compile({ outfile: binary }), 120_000);
afterAll(() => home[Symbol.dispose]());

/** A running havoq with the plugins of a temporary folder. */
class Running implements AsyncDisposable {
  printed = "";
  private wakes: (() => void)[] = [];
  private readonly process: Subprocess<"ignore", "pipe", "pipe">;
  private readonly clients: MqttClient[] = [];

  private constructor(readonly folder: TemporaryFolder) {
    const free = ["kafka", "mqtt", "amqp", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
    this.process = Bun.spawn(
      [binary, "serve", "--config", "havoq.yaml", ...free, "--plugins", folder.path, "--ready-file", `${folder.path}.json`],
      {
        cwd: home.path,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    void this.listen(this.process.stdout);
    void this.listen(this.process.stderr);
  }

  static async start(files: Record<string, string>): Promise<Running> {
    const running = new Running(new TemporaryFolder(files));
    await running.prints("\nready\n");
    while (!(await Bun.file(`${running.folder.path}.json`).exists())) await Bun.sleep(1);
    return running;
  }

  private async listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.printed += Buffer.from(chunk).toString();
      for (const wake of this.wakes.splice(0)) wake();
    }
  }

  async prints(text: string): Promise<void> {
    while (!this.printed.includes(text)) await new Promise<void>((wake) => this.wakes.push(wake));
  }

  /** A client that publishes to a topic of its own and tells what arrives there. */
  async connect(): Promise<{ echo(text: string): Promise<string> }> {
    const { mqtt } = JSON.parse(readFileSync(`${this.folder.path}.json`, "utf8"));
    const client = await connectAsync(`mqtt://127.0.0.1:${mqtt.port}`, { reconnectPeriod: 0 });
    const topic = `echo/${this.clients.push(client)}`;
    await client.subscribeAsync(topic);
    return {
      echo: (text) =>
        new Promise((resolve) => {
          client.once("message", (_topic, payload) => resolve(payload.toString()));
          client.publish(topic, text);
        }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.end(true);
    this.process.kill("SIGTERM");
    expect(await this.process.exited).toBe(0);
    await Bun.file(`${this.folder.path}.json`).delete();
    this.folder[Symbol.dispose]();
  }
}

const marking = (mark: string): string =>
  `import { definePlugin, replace } from "havoq";\nexport default definePlugin({ message: (message) => replace({ payload: message.text() + ${JSON.stringify(mark)} }) });`;

describe("in the compiled binary", () => {
  test("a plugin imports havoq, its own files and packages beside it, and is reloaded on save without dropping a connection", async () => {
    await using havoq = await Running.start({
      "mark.ts": `import { definePlugin, replace } from "havoq";\nimport { own } from "./_own.ts";\nimport { packed } from "packed";\nexport default definePlugin({ message: (message) => replace({ payload: message.text() + own + packed }) });`,
      "_own.ts": `export const own: string = "-own";`,
      "node_modules/packed/index.js": `export const packed = "-packed";`,
    });
    const client = await havoq.connect();
    expect(await client.echo("x")).toBe("x-own-packed");
    havoq.folder.replace("_own.ts", `export const own: string = "-new";`);
    await havoq.prints("plugin mark: reloaded");
    expect(await client.echo("x")).toBe("x-new-packed");
    havoq.folder.write("mark.ts", "export default {{");
    await havoq.prints("not reloaded, the version before stays in service");
    expect(havoq.printed).toContain(`${join(havoq.folder.path, "mark.ts")}:1:`);
    expect(await client.echo("x")).toBe("x-new-packed");
  }, 60_000);

  test("what cannot be loaded names file and line; the others serve", async () => {
    await using havoq = await Running.start({
      "good.ts": marking("!"),
      "hook.ts": `export default {\n  mesage: () => undefined,\n};`,
      "import.ts": `\nimport { dorp } from "havoq";\nexport default { message: () => dorp() };`,
      "loop.ts": `while (true) {}\nexport default {};`,
      "optional.ts": `export default (options: { mark: unknown }) => {\n  if (typeof options.mark !== "string") throw new TypeError("mark must be a word");\n  return { message() {} };\n};`,
      "syntax.ts": `export default {\n  message( { return 1 },\n};`,
      "throw.ts": `interface Long { text: string }\n\nconst nothing = undefined as unknown as Long;\nnothing.text.length;\nexport default {};`,
    });
    const at = (name: string, line: string): string => `${join(havoq.folder.path, name)}:${line}`;
    for (const said of [
      `${at("hook.ts", "2:3")}: unknown hook: mesage; did you mean message?`,
      `${at("import.ts", "2:")}`,
      `havoq has no export dorp; did you mean drop?`,
      `${at("loop.ts", "1")}`,
      `${at("optional.ts", "2:")}`,
      `TypeError: mark must be a word (from its options)`,
      `${at("syntax.ts", "2:")}`,
      `${at("throw.ts", "4:")}`,
    ]) {
      expect(havoq.printed).toContain(said);
    }
    expect(await (await havoq.connect()).echo("x")).toBe("x!");
  }, 60_000);

  test("a throw, a rejection, a stray promise and a loop name file and line, and end with the plugin switched off", async () => {
    await using havoq = await Running.start({
      "bad.ts": `import { definePlugin, type Message } from "havoq";

interface Words { text: string }
export default definePlugin({
  message(message: Message, at) {
    const { text }: Words = { text: message.text() };
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
    const file = join(havoq.folder.path, "bad.ts");
    const client = await havoq.connect(),
      other = await havoq.connect();
    const says = async (text: string, said: string): Promise<void> => {
      const [answer, calm] = await Promise.all([client.echo(text), other.echo("calm")]);
      expect([answer, calm]).toEqual([text, "calm"]);
      await havoq.prints(said);
    };
    await says("throw", `plugin bad: message failed: ${file}:7: thrown`);
    await says("reject", `plugin bad: message failed: ${file}:8: RangeError: rejected`);
    await says("stray", `plugin bad: nobody caught ${file}:9: Error: in the air`);
    await says("timer", `plugin bad: nobody caught ${file}:10: Error: in a timer`);
    await says("loop", `plugin bad: message failed: ${file}:5: did not come back within 200 ms; is it the loop in line 11?`);
    await says("late", `plugin bad: message failed: ${file}:15: did not come back within 200 ms`);
    await says("loop", `PLUGIN SWITCHED OFF: bad (${file}) after 3 time-outs`);
    // Seen for the second time, its line is known.
    expect(havoq.printed).toContain(`plugin bad: message failed: ${file}:11: did not come back within 200 ms\n`);
    expect(await client.echo("loop")).toBe("loop");
    havoq.folder.write("bad.ts", marking(" again"));
    await havoq.prints("plugin bad: reloaded");
    expect(await client.echo("x")).toBe("x again");
  }, 60_000);

  test("plugin new writes what plugin check approves, and check names what is wrong", () => {
    using folder = new TemporaryFolder();
    const run = (...args: string[]) => {
      const { stdout, stderr, exitCode } = Bun.spawnSync([binary, "plugin", ...args], { cwd: folder.path });
      return { out: stdout.toString(), err: stderr.toString(), exitCode };
    };
    expect(run("new", "slow", "--dir", "made")).toMatchObject({
      exitCode: 0,
      out: ["slow.ts", "tsconfig.json", "havoq.d.ts", "havoq-globals.d.ts"].map((name) => `${join(folder.path, "made", name)}\n`).join(""),
    });
    expect(run("check", "made")).toEqual({ exitCode: 0, out: "no problems\n", err: "" });
    expect(run("new", "slow", "--dir", "made")).toMatchObject({ exitCode: 1 });
    folder.write(
      "made/slow.ts",
      `import { definePlugin, delay } from "havoq";\nexport default definePlugin({\n  message: () => delay("a while"),\n});\n`,
    );
    const wrong = run("check", "made/slow.ts");
    expect(wrong.exitCode).toBe(1);
    expect(wrong.out).toContain(
      `${join(folder.path, "made/slow.ts")}:3:24: Argument of type 'string' is not assignable to parameter of type 'number'.\n     3 |   message: () => delay("a while"),\n       |                        ^`,
    );
    expect(JSON.parse(run("check", "made/slow.ts", "--json").out)).toMatchObject([{ line: 3, column: 24 }]);
  }, 60_000);
});
