/**
 * `bun .ci/npm.ts [FOLDER]`: lays out the npm packages of what `bun build.ts --all` left in `dist/`: `havoq`,
 * which runs the right binary, and one package for each platform, of which npm installs only the one that fits.
 */
import { chmod, copyFile, cp, link, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { compileTesting, TARGETS } from "../build.ts";

const root = join(import.meta.dirname, "..");

interface Platform {
  /** After `@havoq/`, and after `havoq-` in `dist/`. */
  name: string;
  os: string;
  cpu: string;
  libc?: "glibc" | "musl";
  binary: string;
}

export const PLATFORMS: readonly Platform[] = TARGETS.map(({ out }) => {
  const name = out.replace(/^havoq-|\.exe$/g, "");
  const [os, cpu, libc] = name.split("-") as [string, string, string?];
  return {
    name,
    cpu,
    binary: out,
    os: os === "windows" ? "win32" : os,
    ...(os === "linux" ? { libc: libc === "musl" ? ("musl" as const) : ("glibc" as const) } : {}),
  };
});

const { version, description, license } = manifest;

/** The packages' folders, `havoq` last: npm wants to find the others when it is published. */
export async function layOut(dist: string, folder: string, platforms: readonly Platform[] = PLATFORMS): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  const made: string[] = [];
  for (const { name, os, cpu, libc, binary } of platforms) {
    const at = join(folder, name);
    const file = `bin/havoq${os === "win32" ? ".exe" : ""}`;
    await mkdir(join(at, "bin"), { recursive: true });
    // Binaries are large: a second name will do where both lie on one disk.
    await link(join(dist, binary), join(at, file)).catch(() => copyFile(join(dist, binary), join(at, file)));
    await chmod(join(at, file), 0o755);
    await write(at, {
      name: `@havoq/${name}`,
      version,
      description: `havoq for ${name}`,
      license,
      os: [os],
      cpu: [cpu],
      ...(libc ? { libc: [libc] } : {}),
      files: ["bin"],
      preferUnplugged: true,
    });
    await cp(join(root, "LICENSE"), join(at, "LICENSE"));
    made.push(at);
  }
  const at = join(folder, "havoq");
  await mkdir(join(at, "bin"), { recursive: true });
  await cp(join(root, ".ci/npm/havoq.cjs"), join(at, "bin/havoq.cjs"));
  await chmod(join(at, "bin/havoq.cjs"), 0o755);
  await compileTesting(join(at, "testing"));
  for (const file of ["README.md", "LICENSE"]) await cp(join(root, file), join(at, file));
  await write(at, {
    name: "havoq",
    version,
    description,
    license,
    bin: { havoq: "bin/havoq.cjs" },
    files: ["bin", "testing"],
    exports: { "./testing": { types: "./testing/index.d.ts", require: "./testing/index.cjs", default: "./testing/index.js" } },
    engines: { node: ">=20" },
    optionalDependencies: Object.fromEntries(PLATFORMS.map(({ name }) => [`@havoq/${name}`, version])),
  });
  return [...made, at];
}

async function write(folder: string, content: object): Promise<void> {
  await Bun.write(join(folder, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(root, "dist/npm");
  for (const made of await layOut(join(root, "dist"), folder)) console.log(made);
}
