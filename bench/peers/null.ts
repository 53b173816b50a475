import { join } from "node:path";
import type { Protocol } from "./havoq.ts";
import type { Peer } from "./peer.ts";
import { Child, accepts, freePort, freshFolder, removeFolder } from "./process.ts";

/** The null server of a protocol: it answers what the load generator waits for and thinks about nothing. */
export async function startNull(protocol: Protocol): Promise<Peer> {
  const folder = freshFolder("null");
  const port = freePort();
  const script = join(import.meta.dir, `../null/${protocol}.ts`);
  const child = new Child({ command: [process.execPath, script, String(port)], log: join(folder, "log") });
  await child.until(() => accepts(port));
  return {
    name: "null",
    version: `Bun ${Bun.version}`,
    port,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stop();
      removeFolder(folder);
    },
  };
}
