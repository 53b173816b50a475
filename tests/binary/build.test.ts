import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../build.ts";

test("the same sources give the same bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "havoq-build-"));
  const sums: string[] = [];
  for (const part of ["a", "b"]) {
    mkdirSync(join(folder, part));
    const outfile = join(folder, part, "havoq");
    await compile({ outfile });
    sums.push(new Bun.CryptoHasher("sha256").update(await Bun.file(outfile).bytes()).digest("hex"));
  }
  rmSync(folder, { recursive: true });
  expect(sums[0]).toBe(sums[1]!);
}, 120_000);
