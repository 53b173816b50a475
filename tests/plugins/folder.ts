import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { TimedGuard } from "../../src/loader/guard.ts";
import { PluginFolder } from "../../src/loader/load.ts";
import { echoHouse } from "../support/echo.ts";

/** A temporary folder of plugins. */
export class TemporaryFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "havoq-plugins-"));

  constructor(files: Record<string, string> = {}) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Saves as editors do that write a new file and put it in the place of the old one. */
  replace(name: string, text: string): void {
    renameSync(this.write(`${name}~`, text), join(this.path, name));
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { recursive: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The toy protocol with the plugins of a folder, guarded as in the binary. */
export async function pluginHouse(files: Record<string, string>, options: { limit?: number; options?: Record<string, unknown> } = {}) {
  const folder = new TemporaryFolder(files);
  const guard = new TimedGuard(options.limit ?? 250);
  // Its folder is watched in real time.
  const house = echoHouse({ guard, clock: new AdvanceableClock() });
  const { seam, clock, printed } = house;
  const waiters: (() => void)[] = [];
  const print = (line: string): void => {
    printed.push(line);
    for (const wake of waiters.splice(0)) wake();
  };
  const plugins = new PluginFolder({
    dir: folder.path,
    seam,
    guard,
    clock,
    print,
    ...(options.options === undefined ? {} : { options: options.options }),
  });
  await plugins.start();
  return {
    ...house,
    folder,
    plugins,
    guard,
    /** Waits until a line with this text was printed by the loader. */
    async prints(text: string): Promise<string> {
      for (;;) {
        const line = printed.find((one) => one.includes(text));
        if (line !== undefined) return line;
        await new Promise<void>((wake) => waiters.push(wake));
      }
    },
    /** What the echo answers to one text. */
    async echo(text: string): Promise<string | undefined> {
      const client = house.connect();
      client.send(text);
      return (await client.take(1))[0];
    },
    [Symbol.dispose](): void {
      plugins.close();
      clock.stop();
      folder[Symbol.dispose]();
    },
  };
}
