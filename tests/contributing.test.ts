/** What CONTRIBUTING.md tells to type, typed. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const page = await Bun.file(join(root, "CONTRIBUTING.md")).text();
const scripts: Record<string, string> = (await Bun.file(join(root, "package.json")).json()).scripts;

/** Runs a line in the root of the checkout. */
function ran(line: string) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", line], { cwd: root, env: { ...process.env, CI: "" } });
  return { exitCode, out: `${stdout}${stderr}` };
}

test("names every script of package.json, and no other", () => {
  const named = [...page.matchAll(/`npm (?:run )?(\w+)/g)].map(([, name]) => name!).filter((name) => name !== "install");
  expect([...new Set(named)].sort()).toEqual(Object.keys(scripts).sort());
});

test("the first test file runs as it says, and so does one test of it", () => {
  const lines = [...page.matchAll(/npm run one -- tests\/mqtt\/qos\.test\.ts(?: -t "[^"]*")?/g)].map(([line]) => line);
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const { exitCode, out } = ran(line);
    expect([exitCode, /^ *[1-9]\d* pass$/m.test(Bun.stripANSI(out)), / 0 fail/.test(out)]).toEqual([0, true, true]);
  }
});

test("types and lint find nothing", () => {
  for (const script of ["types", "lint"]) expect(ran(`npm run --silent ${script}`).exitCode).toBe(0);
}, 120_000);

test("the fast set names folders that are there, and needs no binary", () => {
  const places = scripts["fast"]!.split(" ").filter((word) => word.startsWith("tests/"));
  expect(places.length).toBeGreaterThan(8);
  for (const place of places) {
    expect([...new Bun.Glob(place.endsWith(".ts") ? place : `${place}/**/*.test.ts`).scanSync({ cwd: root })]).not.toEqual([]);
    expect(/tests\/(binary|cli|ci|clients|examples|packaging)/.test(place)).toBe(false);
  }
});

test("files and folders that it names are there", async () => {
  for (const [, path] of page.matchAll(/`((?:tests|docs|bench|build)[\w./-]*)`/g)) {
    expect([
      path,
      await Bun.$`test -e ${join(root, path!)}`
        .quiet()
        .nothrow()
        .then(({ exitCode }) => exitCode),
    ]).toEqual([path, 0]);
  }
});
