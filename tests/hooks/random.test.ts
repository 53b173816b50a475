import { expect, test } from "bun:test";
import { hashRule, hashText, Random } from "../../src/hooks/random.ts";

const random = (seed: number, rule: string, stream: string, ordinal: number) => new Random(hashText(stream, hashRule(seed, rule)), ordinal);

test("the same seed, rule, stream and ordinal draw the same; a change in any draws differently", () => {
  const base = random(1, "rule", "stream", 5).next();
  expect(random(1, "rule", "stream", 5).next()).toBe(base);
  for (const other of [
    random(2, "rule", "stream", 5),
    random(1, "rule2", "stream", 5),
    random(1, "rule", "stream2", 5),
    random(1, "rule", "stream", 6),
  ]) {
    expect(other.next()).not.toBe(base);
  }
});

test("draws are spread evenly over ordinals, indexes, streams and seeds", () => {
  const series: Record<string, () => number[]> = {
    ordinals: () => Array.from({ length: 20_000 }, (_, i) => random(1, "r", "s", i).next()),
    indexes: () => {
      const one = random(1, "r", "s", 0);
      return Array.from({ length: 20_000 }, () => one.next());
    },
    streams: () => Array.from({ length: 20_000 }, (_, i) => random(1, "r", `orders:${i}`, 0).next()),
    seeds: () => Array.from({ length: 20_000 }, (_, i) => random(i, "r", "s", 0).next()),
  };
  for (const [name, draw] of Object.entries(series)) {
    const values = draw();
    const buckets = new Array(100).fill(0);
    for (const value of values) buckets[Math.floor(value * 100)]++;
    // Chi-square with 99 degrees of freedom: 160 is beyond the 99.99th percentile.
    const chi = buckets.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    expect([name, chi < 160]).toEqual([name, true]);
    // Neighbours must not follow each other: the correlation of 20,000 independent pairs stays within 0.03.
    let correlation = 0;
    for (let i = 1; i < values.length; i++) correlation += (values[i - 1]! - 0.5) * (values[i]! - 0.5);
    expect([name, Math.abs((correlation / values.length) * 12) < 0.03]).toEqual([name, true]);
    expect(new Set(values).size).toBe(values.length);
  }
});

test("int includes both ends, float stays below its upper one, pick reaches every item", () => {
  const ints = new Set<number>(),
    picks = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const draw = random(3, "r", "s", i);
    ints.add(draw.int(1, 3));
    picks.add(draw.pick(["a", "b", "c"]));
    const float = draw.float(-1, 1);
    expect(float >= -1 && float < 1).toBeTrue();
  }
  expect([...ints].sort()).toEqual([1, 2, 3]);
  expect([...picks].sort()).toEqual(["a", "b", "c"]);
  expect(() => random(1, "r", "s", 0).pick([])).toThrow(RangeError);
});
