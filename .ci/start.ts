/** `npm start`: installs, builds, and runs the binary with the arguments given. */
import { join } from "node:path";
import { run } from "./steps.ts";

const root = join(import.meta.dirname, "..");
run(root, [process.execPath, "install", "--frozen-lockfile", "--silent"]);
run(root, [process.execPath, "build.ts"]);
const havoq = Bun.spawn([join(root, "dist/havoq"), "serve", ...process.argv.slice(2)], { stdio: ["inherit", "inherit", "inherit"] });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => havoq.kill(signal));
process.exit(await havoq.exited);
