// Time from exec until a server says "ready", its ports being open: an empty compiled Bun server with one, `havoq serve` with all its five.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, table } from "./lib/table.ts";
import { HAVOQ } from "./peers/havoq.ts";
import { Child, freshFolder } from "./peers/process.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20" },
    binary: { type: "string", default: HAVOQ },
    json: { type: "boolean", default: false },
  },
});

const folder = freshFolder("startup");
const empty = await buildEmptyServer();
const havoq = existsSync(values.binary);
if (!havoq) console.error(`skipped havoq: ${values.binary} is not built (bun build.ts)`);

const times: Record<"empty" | "havoq", number[]> = { empty: [], havoq: [] };
// The first run of each reads the file into the page cache and is not counted.
for (let run = -1; run < Number(values.runs); run++) {
  const [emptyTime, havoqTime] = [await startEmpty(), havoq ? await startHavoq() : NaN];
  if (run < 0) continue;
  times.empty.push(emptyTime);
  if (havoq) times.havoq.push(havoqTime);
}

const ratio = havoq ? median(times.havoq) / median(times.empty) : null;
if (values.json) {
  console.log(JSON.stringify({ milliseconds: times, ratio }, null, 2));
} else {
  const row = (name: string, list: number[]) =>
    list.length === 0 ? [] : [[name, median(list).toFixed(1), `${Math.min(...list).toFixed(1)} – ${Math.max(...list).toFixed(1)}`]];
  console.log(table(["server", "median ms", "range"], [...row("empty Bun server", times.empty), ...row("havoq serve", times.havoq)], 1));
  if (ratio !== null) console.log(`havoq / empty: ${ratio.toFixed(2)} (goal: at most 1.5)`);
}

async function startEmpty(): Promise<number> {
  return time([empty]);
}

async function startHavoq(): Promise<number> {
  const flags = ["kafka", "mqtt", "mqtt-websocket", "amqp", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
  return time([values.binary, "serve", ...flags]);
}

/** Both are watched in the same way, so the watching weighs the same on both. */
async function time(command: string[]): Promise<number> {
  const log = join(folder, "log");
  await Bun.write(log, "");
  const start = performance.now();
  const child = new Child({ command, log, cwd: folder });
  await child.until(async () => readFileSync(log, "utf8").endsWith("ready\n"), { seconds: 10, pause: 0.2 });
  const taken = performance.now() - start;
  await child.stop();
  return taken;
}

async function buildEmptyServer(): Promise<string> {
  const source = join(folder, "empty.ts");
  const outfile = join(folder, "empty");
  await Bun.write(source, `Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });\nconsole.log("ready");\n`);
  const flags = ["--compile", "--minify", "--bytecode", "--format=esm", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  const build = Bun.spawnSync([process.execPath, "build", ...flags, source, "--outfile", outfile]);
  if (!build.success) throw new Error(`the empty server could not be built\n${build.stderr}`);
  return outfile;
}
