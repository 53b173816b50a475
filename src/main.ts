/**
 * The entry of the binary. A start of the brokers with plain options does not wait for commander, which
 * takes as long to load and to be told the options as all ports take to open; everything else goes
 * through `program.ts`.
 */
import serve from "./cli/serve.ts";

const [command, ...args] = process.argv.slice(2);
const flags = command === serve.name ? serve.plainFlags(args) : null;
if (flags === null) {
  // Until the command has come to its end: one that waits for what never comes must not look done.
  process.exitCode = 1;
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(process.argv.slice(2));
} else {
  try {
    await serve.run(flags);
  } catch (error) {
    console.error(`havoq: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
