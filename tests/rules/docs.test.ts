/** Every rule that the page shows is one. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseRules } from "../../src/rules/parse.ts";
import "./house.ts";

test("docs/CHAOS.md", async () => {
  const page = await Bun.file(join(import.meta.dirname, "../../docs/CHAOS.md")).text();
  const grammar = page.slice(page.indexOf("## Rules"), page.indexOf("## Faults"));
  const blocks = [...grammar.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1]!);
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks) expect(parseRules(block, "CHAOS.md").errors).toEqual([]);
});
