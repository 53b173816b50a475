/**
 * `npm test`: installs, builds, checks types, lint and format, and runs all tests; more arguments go to `bun test`.
 * `bun test` exits with 0 when it ran nothing, so the counts it closes with decide, not its exit code.
 */
import { join } from "node:path";
import { run } from "./steps.ts";

const root = join(import.meta.dirname, "..");
run(root, [process.execPath, "install", "--frozen-lockfile", "--silent"]);
run(root, [process.execPath, "build.ts"]);
run(root, [process.execPath, "node_modules/typescript/bin/tsc", "-p", "."]);
run(root, ["node_modules/.bin/biome", "lint", "--error-on-warnings", "."]);
run(root, ["node_modules/.bin/biome", "format", "."]);

const tests = Bun.spawn([process.execPath, "test", "--timeout", "120000", ...process.argv.slice(2)], {
  cwd: root,
  stdio: ["ignore", "inherit", "pipe"],
});
let tail = "";
const decoder = new TextDecoder();
for await (const chunk of tests.stderr) {
  process.stderr.write(chunk);
  tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4000);
}
const exitCode = await tests.exited;
const count = (word: string): number => Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(Bun.stripANSI(tail))?.[1] ?? 0);
const [passed, failed, skipped] = [count("pass"), count("fail"), count("skip")];
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(exitCode !== 0 || failed > 0 || passed === 0 ? 1 : 0);
