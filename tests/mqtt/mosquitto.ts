import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const path = Bun.which("mosquitto", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin` });
export const installed = path !== null;
/** The release that is installed; empty where none is. */
export const release = path === null ? "" : (/version (\S+)/.exec(Bun.spawnSync([path, "-h"]).stdout.toString())?.[1] ?? "");

export interface Mosquitto {
  readonly address: { readonly unix: string };
  stop(): Promise<void>;
}

/**
 * A real Mosquitto of its own that lets everybody in. It takes no port 0; what it has instead is a socket with a
 * name that nobody else can take.
 */
export async function startMosquitto(): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), "havoq-mosquitto-"));
  const address = { unix: join(folder, "socket") };
  const config = join(folder, "mosquitto.conf");
  writeFileSync(config, `listener 0 ${address.unix}\nuser root\nallow_anonymous true\npersistence false\n`);
  const real = Bun.spawn([path!, "-c", config], { stdout: "ignore", stderr: "ignore" });
  const stop = async (): Promise<void> => {
    real.kill();
    await real.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (;;) {
    try {
      (await Bun.connect({ ...address, socket: { data() {} } })).end();
      return { address, stop };
    } catch (error) {
      if (real.exitCode !== null) {
        await stop();
        throw error;
      }
      await Bun.sleep(10); // another process starts: there is nothing else to wait for
    }
  }
}
