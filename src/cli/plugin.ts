import type { Command } from "commander";
import { addAdmin } from "./lib/options.ts";

/** `havoq plugin`: what an author of plugins needs beside an editor. */
export default { name: "plugin", define };

function define(plugin: Command): void {
  plugin.description("write, check and list plugins").addHelpText("after", "\nExample:\n  havoq plugin new slow-orders --dir plugins");
  plugin
    .command("new")
    .argument("<name>", "name of the plugin, and of its file")
    .option("--dir <dir>", "folder to write to", "plugins")
    .description("write a typed template, with a tsconfig and the type declarations, so that an editor completes")
    .addHelpText("after", "\nExample:\n  havoq plugin new slow-orders --dir plugins")
    .action(async (name: string, { dir }: { dir: string }) => {
      const { newPlugin } = await import("./plugin/new.ts");
      for (const file of newPlugin(name, dir)) console.log(file);
    });
  plugin
    .command("check")
    .argument("<path...>", "plugin files, or folders of plugins")
    .option("--json", "print the problems as JSON")
    .description("type-check plugins without running them; the exit code is 1 if there is an error")
    .addHelpText("after", "\nExample:\n  havoq plugin check plugins")
    .action(async (paths: string[], { json }: { json?: boolean }) => {
      const [{ checkPlugins }, { formatProblem }] = await Promise.all([import("./plugin/check.ts"), import("../loader/problem.ts")]);
      const problems = await checkPlugins(paths);
      if (json === true) console.log(JSON.stringify(problems, null, 2));
      else for (const problem of problems) console.log(formatProblem(problem));
      if (problems.length > 0) throw new Error(`${problems.length} problem${problems.length === 1 ? "" : "s"}`);
      if (json !== true) console.log("no problems");
    });
  addAdmin(plugin.command("list"))
    .description("plugins that a running havoq has loaded, with their errors and what they did")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  havoq plugin list")
    .action(async (options) => (await import("./plugin/list.ts")).listPlugins(options));
}
