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

test("more than the module's memory holds", () => {
  const bytes = seeded(4).bytes(300_000);
  expect(crc32c(bytes)).toBe(slow(bytes));
});
