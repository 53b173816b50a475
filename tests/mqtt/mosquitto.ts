import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const path = Bun.which("mosquitto", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin` });
export const installed = path !== null;
/** The release that is installed; empty where none is. */
export const release = path === null ? "" : (/version (\S+)/.exec(Bun.spawnSync([path, "-h"]).stdout.toString())?.[1] ?? "");

export interface Mosquitto {
  port: number;
  stop(): Promise<void>;
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** A real Mosquitto of its own, that lets everybody in, on a free loopback port. */
export async function startMosquitto(): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), "havoq-mosquitto-"));
  const port = freePort();
  const config = join(folder, "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const real = Bun.spawn([path!, "-c", config], { stdout: "ignore", stderr: "ignore" });
  const stop = async (): Promise<void> => {
    real.kill();
    await real.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries++) {
    try {
      (await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } })).end();
      return { port, stop };
    } catch (error) {
      if (tries === 200) {
        await stop();
        throw error;
      }
      await Bun.sleep(10); // another process starts: there is nothing else to wait for
    }
  }
}
