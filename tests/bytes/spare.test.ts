import { expect, test } from "bun:test";
import { giveLarge, STEP, takeLarge } from "../../src/bytes/spare.ts";

const MOST = 32 * 1024 * 1024;

test("what is given back is taken again, and only by who wants that much", () => {
  const one = takeLarge(STEP + 1);
  expect(one.length).toBe(2 * STEP);
  const { buffer } = one;
  giveLarge(buffer);
  expect(takeLarge(4 * STEP).buffer).not.toBe(buffer);
  expect(takeLarge(2 * STEP).buffer).toBe(buffer);
});

test("a size that nobody wants any more gives way to one that is in use", () => {
  const old = Array.from({ length: (2 * MOST) / (4 * STEP) }, () => takeLarge(4 * STEP));
  for (const { buffer } of old) giveLarge(buffer);
  // As much is kept as may be; the rest is freed at once.
  expect(old.filter(({ length }) => length > 0).length * 4 * STEP).toBeLessThanOrEqual(MOST);
  const large = Array.from({ length: 8 }, () => takeLarge(1024 * 1024 + 1));
  const buffers = large.map(({ buffer }) => buffer);
  for (const buffer of buffers) giveLarge(buffer);
  expect(new Set(Array.from({ length: 8 }, () => takeLarge(1024 * 1024 + 1).buffer))).toEqual(new Set(buffers));
});

test("buffers of others are left alone", () => {
  const foreign = Buffer.allocUnsafeSlow(STEP);
  giveLarge(foreign.buffer);
  expect(foreign.length).toBe(STEP);
});
