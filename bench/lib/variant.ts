// Two binaries from the same sources: as shipped, and with every hook check taken out before bundling.
import { join } from "node:path";
import type { BunPlugin } from "bun";

/** How a hot path asks whether any plugin or observer is interested, e.g. `this.hooks.message !== null`. */
const CHECK = /[\w.#]*\bhooks\.(connect|disconnect|request|response|message|delivery|bytes|observer) !== null|(?<![\w.])observer !== null/g;
const HOT = /[\\/]src[\\/](kafka|mqtt|amqp|net)[\\/].*\.ts$/;

/** Answers how many checks were taken out: none when `seam` stays. */
export async function buildVariant(root: string, outfile: string, { seam }: { seam: boolean }): Promise<number> {
  let removed = 0;
  const withoutSeam: BunPlugin = {
    name: "without-seam",
    setup(build) {
      build.onLoad({ filter: HOT }, async ({ path }) => ({
        contents: (await Bun.file(path).text()).replace(CHECK, () => (removed++, "false")),
        loader: "ts",
      }));
    },
  };
  // Imported by path, because --root may name another checkout.
  const { compile }: { compile(options: { outfile: string; plugins: BunPlugin[] }): Promise<void> } = await import(join(root, "build.ts"));
  await compile({ outfile, plugins: seam ? [] : [withoutSeam] });
  return removed;
}
