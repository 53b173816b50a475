// Two binaries from the same sources: as shipped, and with every hook check taken out before bundling.
import { join } from "node:path";
import type { BunPlugin } from "bun";

/** How the pipeline asks whether any plugin or observer is interested, and what it would find where there can be none. */
const CHECKS: [check: RegExp, nobody: string][] = [
  [/const chain = this\.hooks\.\w+;/g, "const chain = null as any;"],
  [/return this\.hooks\.\w+ !== null;/g, "return false;"],
  [/return this\.hooks\.observer;/g, "return null;"],
];
const HOT = /[\\/]src[\\/]pipeline[\\/](pipeline|host)\.ts$/;

/** Answers how many checks were taken out: none when `seam` stays. */
export async function buildVariant(root: string, outfile: string, { seam }: { seam: boolean }): Promise<number> {
  let removed = 0;
  const withoutSeam: BunPlugin = {
    name: "without-seam",
    setup(build) {
      build.onLoad({ filter: HOT }, async ({ path }) => ({
        contents: CHECKS.reduce((text, [check, nobody]) => text.replace(check, () => (removed++, nobody)), await Bun.file(path).text()),
        loader: "ts",
      }));
    },
  };
  // Imported by path, because --root may name another checkout.
  const { compile }: { compile(options: { outfile: string; plugins: BunPlugin[] }): Promise<void> } = await import(join(root, "build.ts"));
  await compile({ outfile, plugins: seam ? [] : [withoutSeam] });
  return removed;
}
