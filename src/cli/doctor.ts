import type { Command } from "commander";
import { addAdmin } from "./lib/options.ts";

/** `havoq doctor`: is everything as it should be? */
export default { name: "doctor", define };

function define(command: Command): void {
  addAdmin(command)
    .description(
      "look at a havoq that runs: ports, versions, plugin errors, and what a client would see; exit code 1 if something is wrong",
    )
    .option("--config <file>", "where to look when its HTTP API does not answer: the ports of this havoq.yaml")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq doctor")
    .action(async (options) => (await import("./doctor/examine.ts")).doctor(options));
}
