import { expect, test } from "bun:test";
import { ddmin } from "../../src/cli/shrink/ddmin.ts";
import { hashRule, Random } from "../../src/hooks/random.ts";

const items = Array.from({ length: 40 }, (_, i) => i);

test("finds the smallest part, wherever its items lie, and asks for no part twice", async () => {
  const random = new Random(hashRule(1, "ddmin"), 0);
  for (let round = 0; round < 200; round++) {
    const guilty = [...new Set(Array.from({ length: random.int(1, 6) }, () => random.int(0, 39)))].sort((a, b) => a - b);
    const asked = new Set<string>();
    const found = await ddmin(items, async (part) => {
      expect(part.length).toBeGreaterThan(0);
      expect(asked.has(part.join())).toBeFalse();
      asked.add(part.join());
      return guilty.every((one) => part.includes(one)) ? part : null;
    });
    expect(found).toEqual(guilty);
    if (guilty.length === 1) expect(asked.size).toBeLessThan(15);
  }
});

test("goes on with those that took part", async () => {
  let runs = 0;
  // Everything after 3 never comes to pass: the system stops there.
  const found = await ddmin(items, async (part) => (runs++, part.includes(3) ? part.filter((one) => one <= 3) : null));
  expect(found).toEqual([3]);
  expect(runs).toBeLessThan(8);
});

test("one of two alternatives is enough, and one item is left alone", async () => {
  expect(await ddmin(items, async (part) => (part.includes(7) || part.includes(30) ? part : null))).toHaveLength(1);
  expect(await ddmin([5], async () => [5])).toEqual([5]);
});
