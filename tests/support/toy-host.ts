/**
 * A havoq with the toy protocol in place of the real ones, for tests that need a binary and no broker:
 * `serve DIR` listens on a free port, which it prints; `plugin …` is the command.
 */
import { Command } from "commander";
import plugin from "../../src/cli/plugin.ts";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { Journal } from "../../src/hooks/journal.ts";
import { Seam } from "../../src/hooks/seam.ts";
import { listenTcp } from "../../src/net/listen.ts";
import { Net } from "../../src/net/net.ts";
import { EchoServer } from "./echo.ts";

async function serve(dir: string): Promise<void> {
  const [{ TimedGuard }, { catchStray, PluginFolder }] = await Promise.all([import("../../src/hooks/guard.ts"), import("../../src/hooks/load.ts")]);
  const clock = new AdvanceableClock();
  const guard = new TimedGuard(200);
  const print = (line: string): void => console.error(line);
  const seam = new Seam({ seed: 1, clock, journal: new Journal("toy", 1, () => clock.now()), guard, print });
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, new EchoServer(), new Net(seam));
  const plugins = new PluginFolder({ dir, seam, guard, clock, print, options: { optional: { mark: 5 } } });
  catchStray(plugins, (error) => {
    console.error("FATAL", error);
    process.exit(1);
  });
  await plugins.start();
  console.log(listener.port);
  // It ends with the test that started it, however that ends.
  for await (const _ of Bun.stdin.stream());
  process.exit(0);
}

const program = new Command("toy");
program.command("serve").argument("<dir>").action(serve);
plugin(program);
try {
  await program.parseAsync(process.argv.slice(2), { from: "user" });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
