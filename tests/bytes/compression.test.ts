import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
// @ts-expect-error: the package has no types
import snappyjs from "snappyjs";
import { type Codec, compress, decompress } from "../../src/bytes/compression.ts";
import { DecodeError } from "../../src/bytes/reader.ts";
import { xxh32 } from "../../src/bytes/xxh32.ts";
import { seeded } from "./seeded.ts";

const CODECS: Codec[] = ["gzip", "snappy", "lz4", "zstd"];
const MIB = 1 << 20;

const readings = Buffer.from(
  Array.from({ length: 12 }, (_, i) => `reading ${i} of sensor ${i % 7} is ${20 + (i % 13)}.${i % 10};`).join(""),
);

const inputs: Record<string, Buffer> = {
  empty: Buffer.alloc(0),
  "one byte": Buffer.from("x"),
  short: Buffer.from("abcabcabcabc"),
  readings,
  random: seeded(1).bytes(100_000),
  repetitive: Buffer.from("ab".repeat(150_000)),
  "one byte, many times": Buffer.alloc(300_000, 7),
  "1 MiB of mixed text": mixed(MIB),
};

/** Text whose repeats are near and far, short and long. */
function mixed(size: number): Buffer {
  const random = seeded(2);
  const words = Array.from({ length: 400 }, () => random.bytes(1 + random.next(12)).toString("hex"));
  const out = Buffer.alloc(size);
  for (let at = 0; at < size; ) at += Math.max(1, out.write(`${words[random.next(words.length)]} `, at));
  return out;
}

function attempt(codec: Codec, data: Uint8Array, maxLength: number): Buffer | null {
  try {
    const out = decompress(codec, data, maxLength);
    expect(out.length).toBeLessThanOrEqual(maxLength);
    return out;
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return null;
  }
}

for (const codec of CODECS) {
  describe(codec, () => {
    for (const [name, data] of Object.entries(inputs)) {
      test(`brings back ${name}`, () => {
        const packed = compress(codec, data);
        expect(decompress(codec, packed, data.length).equals(data)).toBe(true);
        // From the middle of a larger buffer, as a batch lies in a request.
        const within = Buffer.concat([Buffer.from("before"), packed, Buffer.from("after")]).subarray(6, 6 + packed.length);
        expect(decompress(codec, within, MIB * 2).equals(data)).toBe(true);
        if (data.length > 0) expect(() => decompress(codec, packed, data.length - 1)).toThrow(DecodeError);
      });
    }

    test("makes repetitive data small", () => {
      expect(compress(codec, inputs["repetitive"]!).length).toBeLessThan(20_000);
    });

    test("brings back texts of every short length", () => {
      const random = seeded(3);
      for (let n = 0; n < 200; n++) {
        const data = Buffer.from(Array.from({ length: n }, () => 97 + random.next(3)));
        expect(decompress(codec, compress(codec, data), n).equals(data)).toBe(true);
      }
    });

    test("refuses what ends early, wherever it ends", () => {
      const packed = compress(codec, readings);
      for (let end = 0; end < packed.length; end++) {
        // Whole snappy blocks, or none, are a stream as good as any: the framing has no end mark.
        const out = attempt(codec, packed.subarray(0, end), MIB);
        expect([end, out?.length ?? "refused"]).toEqual([end, codec === "snappy" && end === 16 ? 0 : "refused"]);
      }
    });

    test("refuses what is followed by other bytes", () => {
      expect(() => decompress(codec, Buffer.concat([compress(codec, readings), Buffer.from("more")]), MIB)).toThrow(DecodeError);
    });

    test("never returns other bytes in silence where there is a checksum", () => {
      const random = seeded(4);
      const checksummed = codec === "gzip" || codec === "lz4";
      for (const source of [readings, mixed(5_000)]) {
        const packed = compress(codec, source);
        for (let i = 0; i < 1500; i++) {
          const broken = Buffer.from(packed);
          for (let n = 1 + random.next(3); n > 0; n--) broken[random.next(broken.length)]! ^= 1 << random.next(8);
          const out = attempt(codec, broken, 64 * 1024);
          if (out !== null && checksummed) expect(out.equals(source)).toBe(true);
        }
      }
    });

    test("survives noise", () => {
      const random = seeded(5);
      const start = compress(codec, readings);
      for (let i = 0; i < 1500; i++) {
        const head = start.subarray(0, random.next(24));
        attempt(codec, Buffer.concat([head, random.bytes(random.next(200))]), 4096);
      }
    });
  });
}

describe("a bomb does not allocate", () => {
  const zeros = Buffer.alloc(64 * MIB);
  const bombs: [string, Codec, Buffer][] = [
    ["gzip", "gzip", zlib.gzipSync(zeros)],
    ["zstd with its size", "zstd", zlib.zstdCompressSync(zeros)],
    ["snappy that announces 2 GiB", "snappy", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x61])],
    ["snappy that announces more than 32 bits", "snappy", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x61])],
    ["xerial", "snappy", compress("snappy", zeros)],
    ["lz4", "lz4", compress("lz4", zeros)],
  ];
  for (const [name, codec, bomb] of bombs) {
    test(name, () => {
      Bun.gc(true);
      const before = process.memoryUsage();
      for (let i = 0; i < 20; i++) expect(() => decompress(codec, bomb, 100_000)).toThrow(DecodeError);
      const after = process.memoryUsage();
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * MIB);
      expect(after.rss - before.rss).toBeLessThan(48 * MIB);
    });
  }

  test("zstd without its size", async () => {
    const stream = zlib.createZstdCompress();
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    for (let i = 0; i < 64; i++) stream.write(zeros.subarray(0, MIB));
    stream.end();
    await new Promise((done) => stream.on("end", done));
    const bomb = Buffer.concat(chunks);
    const flags = bomb[4]!;
    expect([flags >> 6, flags & 0x20]).toEqual([0, 0]);
    expect(() => decompress("zstd", bomb, 100_000)).toThrow("more than 100000 bytes");
  });
});

describe("what others wrote", () => {
  const vectors: [string, Codec, string][] = [
    [
      "python lz4",
      "lz4",
      "BCJNGGhAagEAAAAAAAAjtgAAAPQPcmVhZGluZyAwIG9mIHNlbnNvciAwIGlzIDIwLjA7HgAXMR4AETEeADUxLjEeABcyHgARMh4ANTIuMh4AFzMeABEzHgA1My4zHgAXNB4AETQeADU0LjQeABc1HgARNR4ANTUuNR4AFzYeABE2HgA1Ni42HgAXNx4AAtIANTcuNx4AFzgeAALSADU4LjgeABc5HgAC0gA1OS45HgAYMS0BAdMAGTMtAQguAaA0IGlzIDMxLjE7AAAAAA==",
    ],
    [
      "python lz4 with its size and both checksums",
      "lz4",
      "BCJNGHxAagEAAAAAAACaqgAAAPQPcmVhZGluZyAwIG9mIHNlbnNvciAwIGlzIDIwLjA7HgAXMR4AETEeADUxLjEeABcyHgARMh4ANTIuMh4AFzMeABEzHgA1My4zHgAXNB4AETQeADU0LjQeABc1HgARNR4ANTUuNR4AFzYeABE2HgA1Ni42HgAdN9IANTcuNx4AHTjSADU4LjgeAB050gA2OS45DgEcMNMAGTMtAQguAaA0IGlzIDMxLjE7L17bTgAAAABBpDoq",
    ],
    [
      "python-snappy, bare",
      "snappy",
      "6gJ0cmVhZGluZyAwIG9mIHNlbnNvciAwIGlzIDIwLjA7ER4AMR0eADEFHggxLjEVHgAyHR4AMgUeCDIuMhUeADMdHgAzBR4MMy4zOxFaADQdHgA0BR4INC40FR4ANR0eADUFHgg1LjUVHgA2HR4ANgUeCDYuNhUeADcdHgnSCDcuNxUeADgdHgnSCDguOBUeADkdHgnSCDkuORUeADEuLQEF0wAzMi0BLi4BJDQgaXMgMzEuMTs=",
    ],
    [
      "python-snappy in two xerial blocks",
      "snappy",
      "glNOQVBQWQAAAAABAAAAAQAAAG21AXRyZWFkaW5nIDAgb2Ygc2Vuc29yIDAgaXMgMjAuMDsRHgAxHR4AMQUeCDEuMRUeADIdHgAyBR4IMi4yFR4AMx0eBDMgAVoMMy4zOxFaADQdHgA0BR4INC40FR4ANR0eKDUgaXMgMjUuNTtyAAAAbbUBdGVhZGluZyA2IG9mIHNlbnNvciA2IGlzIDI2LjY7cg0eADcdHgAwBR4INy43FR4AOB0eADEFHgg4LjgVHgA5HR4AMgUeCDkuORUeBDEwHR8gMyBpcyAzMC4wGR8AMR0fJDQgaXMgMzEuMTs=",
    ],
    [
      "python gzip",
      "gzip",
      "H4sIAAAAAAACA2XQSwrDMAyE4av4BINl+UlPU2hasknAvj8kFUVV4t3At/qnL8/Xun2cd/vbjWUbez/3Olzw8I/+UzJKogRSDUaDaEBQZaMsymDVaDSKRkTVZDSJJiTVbDSLZmTVMhUVFNU6FVVU1TYVNbT/G/6exJez6N7E37cO4+w3kmoBAAA=",
    ],
    [
      "zstd, level 19, with a checksum",
      "zstd",
      "KLUv/QRoTQMAQsUPEKDt+NGP+1+/hX8rJVf+VyDnPjjQG5s1xeWFmCgZHmMICyGCQwjAAID17t7/j1o3Y0tN+KJTMddLTeZaQgoGH6gQsPL+b+A1hgMQYpGo0GENV5lgkoTW/qFja8NjDx0buxBh6DsFSp2jeQ==",
    ],
    [
      "zstd without a checksum",
      "zstd",
      "KLUv/QBYvQMAQoUQFKClbYBYpPyfA8DbqUlk926u/lcg5T4m4onJkeHxISxMrHdXrarpzEQj4vnu7v/FbFfplNUgJGRSCYSyGqATAJghISDgNdYQSAwHdxEwGC5q3jOs3BVza+4ZttwVc2vuGVbOFXNr7hlW7oq5au4VwwzEzgM=",
    ],
  ];
  for (const [name, codec, base64] of vectors) {
    test(name, () => {
      const packed = Buffer.from(base64, "base64");
      expect(decompress(codec, packed, MIB).toString()).toBe(readings.toString());
    });
  }

  test("python lz4, linked blocks and both checksums", () => {
    const packed = Buffer.from(
      "BCJNGFxAcBEBAAAAAADjzgEAAPQPcmVhZGluZyAwIG9mIHNlbnNvciAwIGlzIDIwLjA7HgAXMR4AETEeADUxLjEeABcyHgARMh4ANTIuMh4AFzMeABEzHgA1My4zHgAXNB4AETQeADU0LjQeABc1HgARNR4ANTUuNR4AFzYeABE2HgA1Ni42HgAXNx4AAtIANTcuNx4AFzgeAALSADU4LjgeABc5HgAC0gA1OS45HgAYMS0BAdMAGTMtAQguAQHUABgzLgEIPQARMLYACT0AB3oAApgACDwAD2oB////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////OVAgb2Ygc4CoHUEbAAAAD/L///////////////////////9pUCBvZiBzn7rkbQAAAAC1tci8",
      "base64",
    );
    const expected = Buffer.from(readings.toString().repeat(200)).subarray(0, 70_000);
    expect(decompress("lz4", packed, MIB).equals(expected)).toBe(true);
    const random = seeded(6);
    for (let i = 0; i < 500; i++) {
      const broken = Buffer.from(packed);
      broken[random.next(broken.length)]! ^= 1 << random.next(8);
      const out = attempt("lz4", broken, MIB);
      if (out !== null) expect(out.equals(expected)).toBe(true);
    }
  });

  test("frames one after the other, with a skippable one between", () => {
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    for (const codec of ["lz4", "zstd"] as const) {
      const packed = compress(codec, readings);
      const out = decompress(codec, Buffer.concat([packed, skippable, packed]), MIB);
      expect(out.toString()).toBe(readings.toString().repeat(2));
    }
    const gz = compress("gzip", readings),
      xerial = compress("snappy", readings);
    expect(decompress("gzip", Buffer.concat([gz, gz]), MIB).length).toBe(2 * readings.length);
    expect(decompress("snappy", Buffer.concat([xerial, xerial]), MIB).length).toBe(2 * readings.length);
  });

  test("snappyjs reads our blocks and we read its", () => {
    for (const data of Object.values(inputs)) {
      const bare: Buffer = snappyjs.compress(data);
      expect(decompress("snappy", bare, data.length).equals(data)).toBe(true);
      const ours = compress("snappy", data);
      const parts: Buffer[] = [];
      for (let at = 16; at < ours.length; ) {
        const size = ours.readUInt32BE(at);
        parts.push(snappyjs.uncompress(ours.subarray(at + 4, at + 4 + size), 32 * 1024));
        at += 4 + size;
      }
      expect(Buffer.concat(parts).equals(data)).toBe(true);
    }
  });
});

test("xxh32 gives the sums of the reference implementation", () => {
  const sum = (data: Buffer) => xxh32(data, 0, data.length);
  expect(sum(Buffer.alloc(0))).toBe(0x02cc5d05);
  expect(sum(Buffer.from("a"))).toBe(0x550d7456);
  expect(sum(Buffer.from("abc"))).toBe(0x32d153ff);
  expect(sum(Buffer.from("Nobody inspects the spammish repetition"))).toBe(0xe2293b2f);
  expect(sum(Buffer.from(Array.from({ length: 101 }, (_, i) => i)))).toBe(0x1a20e95b);
});
