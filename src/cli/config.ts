import type { Command } from "commander";
import { addOption, configOptions, settingsOf, type Flags } from "./serve.ts";

/** `havoq config`: what `serve` with the same flags would run with. */
export default { name: "config", define };

function define(command: Command): void {
  command.description("show the configuration in effect, and where each value came from: flag, environment, file or default");
  for (const option of configOptions()) addOption(command, option);
  command
    .option("--schema", "print the JSON Schema of havoq.yaml, by which editors complete it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq config --config havoq.yaml --kafka-port 19092")
    .action(async (flags: Flags & { schema?: boolean; json?: boolean }) => {
      if (flags.schema === true) {
        const { jsonSchema } = await import("../config/json-schema.ts");
        return console.log(JSON.stringify(jsonSchema(), null, 2));
      }
      const [{ explainConfig }, { printConfig }] = await Promise.all([import("../config/load.ts"), import("./config/print.ts")]);
      printConfig(await explainConfig({ config: flags.config, settings: await settingsOf(flags) }), flags.json === true);
    });
}
