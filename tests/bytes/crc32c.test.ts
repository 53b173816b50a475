import { expect, test } from "bun:test";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { seeded } from "./seeded.ts";

/** Bit by bit, as the polynomial says. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("known values", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa); // RFC 3720, B.4
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.alloc(0))).toBe(0);
});

test("every length and alignment", () => {
  const bytes = seeded(3).bytes(400);
  for (let start = 0; start < 18; start++) {
    for (let end = start; end < bytes.length; end += 7) expect(crc32c(bytes, start, end)).toBe(slow(bytes.subarray(start, end)));
  }
});

test("around the lengths where folding begins and where chunks end", () => {
  const bytes = seeded(4).bytes(420_000);
  for (const around of [836, 1672, 3344, 16_384, 98_304, 98_304 + 836, 2 * 98_304, 3 * 98_304 + 836, 400_000]) {
    for (const more of [-33, -17, -16, -1, 0, 1, 15, 16, 31]) {
      const start = 7 + (more & 7);
      expect(crc32c(bytes, start, start + around + more)).toBe(slow(bytes.subarray(start, start + around + more)));
    }
  }
});
