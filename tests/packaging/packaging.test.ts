import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { layOut, PLATFORMS } from "../../.ci/npm.ts";
import { releaseNotes } from "../../.ci/release-notes.ts";
import { MAN_FILE, manText } from "../../build.ts";
import manifest from "../../package.json" with { type: "json" };
import { schema } from "../../src/config/schema.ts";
import { havoqProgram } from "../../src/program.ts";
import { ensureBinary } from "../support/binary.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "havoq-packaging-"));
const dist = join(folder, "dist");
const glibc = Bun.spawnSync(["sh", "-c", "getconf GNU_LIBC_VERSION"]).exitCode === 0;
const name = `${process.platform}-${process.arch}${process.platform === "linux" && !glibc ? "-musl" : ""}`;
const here = PLATFORMS.filter((platform) => platform.name === name);

const run = (command: string[], options: { cwd?: string; env?: Record<string, string> } = {}) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: options.cwd ?? folder, env: { ...process.env, ...options.env } });
  return { exitCode, out: stdout.toString(), err: stderr.toString() };
};

beforeAll(async () => {
  await ensureBinary();
  mkdirSync(dist);
  copyFileSync(join(root, "dist/havoq"), join(dist, here[0]!.binary));
  chmodSync(join(dist, here[0]!.binary), 0o755);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("npm packages", () => {
  test("there is one for every platform that is built, and npm can tell them apart", () => {
    expect(PLATFORMS.map((platform) => platform.name).sort()).toEqual([
      "darwin-arm64",
      "darwin-x64",
      "linux-arm64",
      "linux-arm64-musl",
      "linux-x64",
      "linux-x64-musl",
      "windows-x64",
    ]);
    expect(new Set(PLATFORMS.map(({ os, cpu, libc }) => `${os} ${cpu} ${libc}`)).size).toBe(PLATFORMS.length);
  });

  test("npx havoq runs the binary of this machine, passes arguments and the exit code on", async () => {
    const made = await layOut(dist, join(folder, "npm"), here);
    const modules = join(folder, "project/node_modules");
    mkdirSync(join(modules, "@havoq"), { recursive: true });
    for (const at of made) {
      const packed = run(["npm", "pack", "--silent", "--pack-destination", folder], { cwd: at });
      expect(packed.exitCode).toBe(0);
      const { name: called } = await Bun.file(join(at, "package.json")).json();
      const to = join(modules, called);
      mkdirSync(to, { recursive: true });
      expect(run(["tar", "xzf", join(folder, packed.out.trim().split("\n").at(-1)!), "-C", to, "--strip-components=1"]).exitCode).toBe(0);
    }
    mkdirSync(join(modules, ".bin"));
    symlinkSync("../havoq/bin/havoq.cjs", join(modules, ".bin/havoq"));
    await Bun.write(join(folder, "project/package.json"), "{}");
    const npx = (...args: string[]) => run(["npx", "--no-install", "havoq", ...args], { cwd: join(folder, "project") });
    expect(npx("--version")).toMatchObject({ exitCode: 0, out: `${manifest.version}\n` });
    expect(npx("serve", "--kafka-prot", "0").exitCode).toBe(2);
    rmSync(join(modules, "@havoq"), { recursive: true });
    const alone = npx("--version");
    expect(alone.exitCode).toBe(1);
    expect(alone.err).toContain(`@havoq/${name} is not installed`);
  }, 120_000);

  test("the main package asks for all the others, in the same version", async () => {
    const made = await layOut(dist, join(folder, "npm"), here);
    const main = await Bun.file(join(made.at(-1)!, "package.json")).json();
    expect(main.optionalDependencies).toEqual(
      Object.fromEntries(PLATFORMS.map((platform) => [`@havoq/${platform.name}`, manifest.version])),
    );
    expect(existsSync(join(made.at(-1)!, main.bin.havoq))).toBe(true);
  });
});

describe.skipIf(process.platform === "win32")("install.sh", () => {
  const install = (env: Record<string, string>) =>
    run(["sh", join(root, "install.sh")], { env: { HAVOQ_DIR: join(folder, "bin"), ...env } });

  test("installs the binary whose checksum holds", async () => {
    const from = join(folder, "release");
    cpSync(dist, from, { recursive: true });
    const sum = new Bun.CryptoHasher("sha256").update(await Bun.file(join(from, here[0]!.binary)).bytes()).digest("hex");
    await Bun.write(join(from, "SHA256SUMS"), `${sum}  ${here[0]!.binary}\n`);
    expect(install({ HAVOQ_FROM: from })).toMatchObject({ exitCode: 0 });
    expect(run([join(folder, "bin/havoq"), "--version"]).out).toBe(`${manifest.version}\n`);
    expect(statSync(join(folder, "bin/havoq")).mode & 0o777).toBe(0o755);
  });

  test("keeps what is there when the checksum does not hold, or the platform is missing", async () => {
    const from = join(folder, "broken");
    mkdirSync(from);
    await Bun.write(join(from, here[0]!.binary), "something else");
    await Bun.write(join(from, "SHA256SUMS"), `${"0".repeat(64)}  ${here[0]!.binary}\n`);
    const HAVOQ_DIR = join(folder, "kept");
    await Bun.write(join(HAVOQ_DIR, "havoq"), "what is there");
    const wrong = install({ HAVOQ_DIR, HAVOQ_FROM: from });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.err).toContain("checksum");
    await Bun.write(join(from, "SHA256SUMS"), "");
    expect(install({ HAVOQ_DIR, HAVOQ_FROM: from }).err).toContain("does not name");
    expect(install({ HAVOQ_DIR, HAVOQ_FROM: join(folder, "nowhere") }).exitCode).toBe(1);
    expect(await Bun.file(join(HAVOQ_DIR, "havoq")).text()).toBe("what is there");
  });
});

describe("container", () => {
  test("the image takes binaries that are built, and does not run as root", async () => {
    const text = await Bun.file(join(root, "Dockerfile")).text();
    for (const arch of ["amd64", "arm64"]) {
      const cpu = arch === "amd64" ? "x64" : arch;
      expect(PLATFORMS.map(({ binary }) => binary)).toContain(`havoq-linux-${cpu}-musl`);
    }
    expect(text).toContain('"/dist/havoq-linux-$cpu-musl"');
    const user = /^USER (.+)$/m.exec(text)?.[1];
    expect(user).toBe("havoq");
    const command = JSON.parse(/^CMD (\[.*\])$/m.exec(text)![1]!) as string[];
    const serve = havoqProgram().commands.find((one) => one.name() === command[0])!;
    for (const word of command.filter((one) => one.startsWith("--"))) expect(serve.options.map(({ long }) => long)).toContain(word);
    const config = schema.parse({});
    const exposed = /^EXPOSE (.*)$/m.exec(text)![1]!.split(" ").map(Number);
    expect(exposed).toEqual([config.kafka.port, config.mqtt.port, config.mqtt.websocket_port, config.amqp.port, config.admin.port]);
  });

  test("compose.yaml publishes the image's ports on loopback", async () => {
    const { services } = parse(await Bun.file(join(root, "compose.yaml")).text());
    const ports = /^EXPOSE (.*)$/m.exec(await Bun.file(join(root, "Dockerfile")).text())![1]!.split(" ");
    expect(services.havoq.ports).toEqual(ports.map((port) => `127.0.0.1:${port}:${port}`));
    expect(services.havoq.build).toBe(".");
  });
});

describe("manual page", () => {
  test("is what the commands say: bun build.ts --indexes writes it", async () => {
    expect(await Bun.file(join(root, MAN_FILE)).text()).toBe(await manText());
  });

  test.skipIf(Bun.which("groff") === null)("is roff without a warning, and names every command", async () => {
    const { exitCode, out, err } = run(["groff", "-man", "-Tutf8", "-ww", join(root, MAN_FILE)]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    const page = Bun.stripANSI(out).replace(/.\x08/g, "");
    for (const command of havoqProgram().commands) expect(page).toContain(`havoq ${command.name()}`);
  });
});

describe("release notes", () => {
  test("sort commits by what they do and leave out what users do not see", () => {
    expect(
      releaseNotes("1.2.0", [
        "Add a clock",
        "Merge branch 'x'",
        "Do not lose the last word",
        "Rename a key",
        "Run the tests twice",
        "Add a clock",
      ]),
    ).toBe("# havoq 1.2.0\n\n## Added\n- Add a clock\n\n## Changed\n- Rename a key\n\n## Fixed\n- Do not lose the last word\n");
    expect(releaseNotes("1.2.1", [])).toContain("Nothing that users would see has changed.");
  });

  test("are made of the commits since the last tag", () => {
    const repository = join(folder, "repository");
    mkdirSync(repository);
    const git = (...args: string[]) =>
      expect(run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], { cwd: repository }).exitCode).toBe(0);
    git("init", "-q");
    for (const [subject, tag] of [
      ["Add one", "v1"],
      ["Add two", null],
      ["Fix three", "v2"],
    ] as const) {
      git("commit", "-q", "--allow-empty", "-m", subject);
      if (tag !== null) git("tag", tag);
    }
    const notes = run([process.execPath, join(root, ".ci/release-notes.ts")], { cwd: repository });
    expect(notes).toMatchObject({ exitCode: 0, out: "# havoq v2\n\n## Added\n- Add two\n\n## Fixed\n- Fix three\n" });
    expect(run([process.execPath, join(root, ".ci/release-notes.ts"), "v9"], { cwd: repository }).exitCode).toBe(1);
  });
});
