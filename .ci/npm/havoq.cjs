#!/usr/bin/env node
// Runs the binary for this machine, from the package of its own that npm chose by os, cpu and libc.
const { spawn } = require("node:child_process");

/** glibc tells its version in Node's report; musl does not. */
function libc() {
  if (process.platform !== "linux") return "";
  return process.report.getReport().header.glibcVersionRuntime ? "" : "-musl";
}

const platform = process.platform === "win32" ? "windows" : process.platform;
const name = `@havoq/${platform}-${process.arch}${libc()}`;
let binary;
try {
  binary = require.resolve(`${name}/bin/havoq${platform === "windows" ? ".exe" : ""}`);
} catch {
  console.error(`havoq: ${name} is not installed. Either there is no havoq for this machine, or npm was told to leave optional dependencies out.`);
  process.exit(1);
}
const child = spawn(binary, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`havoq: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + require("node:os").constants.signals[signal]));
