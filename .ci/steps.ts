/** Runs a command to its end, showing what it prints; a failure ends this process with its exit code. */
export function run(cwd: string, command: string[]): void {
  const { exitCode } = Bun.spawnSync(command, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  if (exitCode === 0) return;
  console.error(`failed (${exitCode}): ${command.join(" ")}`);
  process.exit(exitCode ?? 1);
}
