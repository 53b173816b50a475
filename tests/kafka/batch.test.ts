import { describe, expect, test } from "bun:test";
import { Batch, batches, HEADER, producedBatch, Refused } from "../../src/kafka/wire/batch.ts";
import { type BatchDraft, records, rewrite, writeBatch } from "../../src/kafka/wire/records.ts";
import { seeded } from "../bytes/seeded.ts";

/**
 * Batches that Kafka's Java client 4.4.0 made of the same three records: producer 4001, epoch 3,
 * sequence 70, leader epoch 5.
 */
const javaBatches = {
  none:
    "00000000000000000000007e00000005026366f9750000000000020000018bcfe568000000018bcfe5687b0000000000000fa100030000" +
    "00460000000368000000046b314a66697273742076616c75652c2066697273742076616c75652c2066697273742076616c756504026802" +
    "780268011a00f60102010c7365636f6e64001200cf0f04046b330100",
  gzip:
    "00000000000000000000007c0000000502d275a9e00001000000020000018bcfe568000000018bcfe5687b0000000000000fa100030000" +
    "0046000000031f8b08000000000000ffcb60606060c936f44acb2c2a2e51284bcc294dd551c0c56161ca60aa60ca609462f8c6c8c4c853" +
    "9c9a9c9f97c220c4709e9f8525db98910100b89d19a44d000000",
  snappy:
    "0000000000000000000000800000000502dd2473430002000000020000018bcfe568000000018bcfe5687b0000000000000fa100030000" +
    "00460000000382534e415050590000000001000000010000003b4d5068000000046b314a66697273742076616c75652c205e0d007c0402" +
    "6802780268011a00f60102010c7365636f6e64001200cf0f04046b330100",
  lz4:
    "00000000000000000000007c00000005025a506d800003000000020000018bcfe568000000018bcfe5687b0000000000000fa100030000" +
    "00460000000304224d186040823c000000ff0668000000046b314a66697273742076616c75652c200d0005f01104026802780268011a00" +
    "f60102010c7365636f6e64001200cf0f04046b33010000000000",
  zstd:
    "0000000000000000000000790000000502148dc9d70004000000020000018bcfe568000000018bcfe5687b0000000000000fa100030000" +
    "00460000000328b52ffd0058e40100540368000000046b314a66697273742076616c75652c2004026802780268011a00f60102010c7365" +
    "636f6e64001200cf0f04046b3301000100019c4c010000",
};
const RECORDS = [
  {
    offset: 0,
    timestamp: 1700000000000,
    key: "k1",
    value: "first value, first value, first value",
    headers: [
      ["h", "x"],
      ["h", null],
    ],
  },
  { offset: 1, timestamp: 1700000000123, key: null, value: "second", headers: [] },
  { offset: 2, timestamp: 1699999999000, key: "k3", value: null, headers: [] },
];

function plain(batch: Batch) {
  return [...records(batch)].map((r) => ({
    offset: r.offset,
    timestamp: r.timestamp,
    key: r.key?.toString() ?? null,
    value: r.value?.toString() ?? null,
    headers: r.headers.map((h) => [h.key, h.value?.toString() ?? null]),
  }));
}

const draft: BatchDraft = {
  leaderEpoch: 5,
  producerId: 4001,
  producerEpoch: 3,
  baseSequence: 70,
  records: RECORDS.map((r) => ({
    timestamp: r.timestamp,
    key: r.key === null ? null : Buffer.from(r.key),
    value: r.value === null ? null : Buffer.from(r.value),
    headers: r.headers.map(([key, value]) => ({ key: key!, value: value == null ? null : Buffer.from(value) })),
  })),
};

describe("batches of the Java client", () => {
  for (const [codec, hex] of Object.entries(javaBatches)) {
    test(codec, () => {
      const batch = new Batch(Buffer.from(hex, "hex"), 0);
      expect(batch.intact).toBe(true);
      expect(batch.codec).toBe(codec === "none" ? null : (codec as any));
      expect([batch.producerId, batch.producerEpoch, batch.baseSequence, batch.leaderEpoch]).toEqual([4001, 3, 70, 5]);
      expect([batch.count, batch.lastOffsetDelta, batch.baseTimestamp, batch.maxTimestamp]).toEqual([3, 2, 1700000000000, 1700000000123]);
      expect([batch.transactional, batch.control, batch.logAppendTime]).toEqual([false, false, false]);
      expect(plain(batch)).toEqual(RECORDS);
      expect(producedBatch(batch.buf, 1e6)).toBeInstanceOf(Batch);
    });
  }

  test("uncompressed, ours are the same bytes", () => {
    expect(writeBatch(draft).bytes.toString("hex")).toBe(javaBatches.none);
  });
});

describe("batches", () => {
  for (const codec of [null, "gzip", "snappy", "lz4", "zstd"] as const) {
    test(`what is written with ${codec} is read again`, () => {
      const batch = writeBatch({ ...draft, codec, baseOffset: 2 ** 33 + 5 });
      expect(batch.intact).toBe(true);
      expect(plain(batch)).toEqual(RECORDS.map((r) => ({ ...r, offset: r.offset + 2 ** 33 + 5 })));
    });
  }

  test("a place in the log is patched without touching the checksum", () => {
    const batch = writeBatch(draft);
    batch.place(2 ** 40 + 17, 9);
    expect([batch.baseOffset, batch.leaderEpoch, batch.intact]).toEqual([2 ** 40 + 17, 9, true]);
    expect([...records(batch)].map((r) => r.offset - 2 ** 40)).toEqual([17, 18, 19]);
  });

  test("log append time is every record's time", () => {
    const batch = writeBatch(draft);
    batch.stamp(1800000000000);
    expect(batch.intact).toBe(true);
    expect([...records(batch)].map((r) => r.timestamp)).toEqual([1800000000000, 1800000000000, 1800000000000]);
  });

  test("dropped records leave their offsets empty", () => {
    const batch = writeBatch({ ...draft, codec: "lz4", baseOffset: 100 });
    const [, second] = [...records(batch)];
    const fewer = rewrite(batch, [{ ...second!, value: Buffer.from("changed") }]);
    expect(fewer.intact).toBe(true);
    expect([fewer.baseOffset, fewer.count, fewer.lastOffsetDelta, fewer.codec, fewer.producerId]).toEqual([100, 1, 2, "lz4", 4001]);
    expect(plain(fewer)).toEqual([{ ...RECORDS[1]!, offset: 101, value: "changed" }]);
    const none = rewrite(batch, []);
    expect([none.intact, none.count, none.lastOffsetDelta, [...records(none)].length]).toEqual([true, 0, 2, 0]);
  });

  test("several in a row, the last one cut off", () => {
    const one = writeBatch(draft).bytes;
    const row = Buffer.concat([one, one, one]);
    for (let end = 0; end <= row.length; end++) {
      expect([...batches(row.subarray(0, end) as Buffer)].length).toBe(Math.floor(end / one.length));
    }
  });
});

describe("what a producer may not send", () => {
  const good = writeBatch({ ...draft, leaderEpoch: -1 }).bytes;
  const changed = (change: (b: Buffer) => void, seal = true): Buffer => {
    const bytes = Buffer.from(good);
    change(bytes);
    if (seal) new Batch(bytes, 0).seal();
    return bytes;
  };
  const cases: [string, Buffer | null, string][] = [
    ["nothing", null, "INVALID_RECORD"],
    ["no bytes", Buffer.alloc(0), "INVALID_RECORD"],
    ["half a batch", good.subarray(0, good.length - 1) as Buffer, "INVALID_RECORD"],
    ["two batches", Buffer.concat([good, good]), "INVALID_RECORD"],
    ["a flipped bit", changed((b) => (b[good.length - 1]! ^= 1), false), "CORRUPT_MESSAGE"],
    ["a length below the header's", changed((b) => b.writeInt32BE(20, 8), false), "CORRUPT_MESSAGE"],
    ["a negative length", changed((b) => b.writeInt32BE(-1, 8), false), "CORRUPT_MESSAGE"],
    ["fifteen bytes", Buffer.alloc(15), "CORRUPT_MESSAGE"],
    ["message format 9", changed((b) => (b[16] = 9), false), "CORRUPT_MESSAGE"],
    ["message format 1", changed((b) => (b[16] = 1), false), "INVALID_RECORD"],
    ["a base offset", changed((b) => b.writeInt32BE(1, 4)), "INVALID_RECORD"],
    ["no records", changed((b) => b.writeInt32BE(0, 57)), "INVALID_RECORD"],
    ["a hole", changed((b) => b.writeInt32BE(7, 23)), "INVALID_RECORD"],
    ["unknown compression", changed((b) => b.writeInt16BE(6, 21)), "UNKNOWN_SERVER_ERROR"],
    ["a control batch", changed((b) => b.writeInt16BE(32, 21)), "INVALID_RECORD"],
    ["a producer without a sequence", changed((b) => b.writeInt32BE(-1, 53)), "INVALID_RECORD"],
    ["a batch and no other", Buffer.concat([good, Buffer.alloc(12)]), "CORRUPT_MESSAGE"],
    ["a batch and one of an unknown format", Buffer.concat([good, Buffer.alloc(20, "x")]), "CORRUPT_MESSAGE"],
    ["one record more than there are", changed((b) => void (b.writeInt32BE(3, 23), b.writeInt32BE(4, 57))), "INVALID_RECORD"],
    ["one record fewer than there are", changed((b) => void (b.writeInt32BE(1, 23), b.writeInt32BE(2, 57))), "INVALID_RECORD"],
    ["a record longer than the batch", changed((b) => (b[good.length - 10]! += 2)), "INVALID_RECORD"],
    ["a record shorter than it is", changed((b) => (b[HEADER]! -= 2)), "INVALID_RECORD"],
    ["a record of negative length", changed((b) => (b[HEADER] = 1)), "INVALID_RECORD"],
    ["a record of no length", changed((b) => (b[HEADER] = 0)), "INVALID_RECORD"],
    ["a length that does not end", changed((b) => b.fill(0xff, HEADER)), "UNKNOWN_SERVER_ERROR"],
    ["a length that the batch cuts off", changed((b) => (b[good.length - 10] = 0x80)), "INVALID_RECORD"],
  ];
  for (const [what, bytes, error] of cases) {
    test(what, () => {
      const result = producedBatch(bytes, 1e6);
      expect(result).toBeInstanceOf(Refused);
      expect((result as Refused).error).toBe(error as any);
    });
  }
  test("a few bytes too many are none of it", () => {
    const batch = producedBatch(Buffer.concat([good, Buffer.alloc(11)]), 1e6) as Batch;
    expect(batch.bytes).toEqual(good);
  });
  test("neither is the beginning of another batch", () => {
    const batch = producedBatch(Buffer.concat([good, good.subarray(0, 40)]), 1e6) as Batch;
    expect(batch.bytes).toEqual(good);
  });
  test("records of all sizes, one after the other, are as many as there are", () => {
    const sizes = [0, 1, 50, 52, 53, 54, 100, 100, 100, 100, 8_180, 8_180, 8_190, 8_200, 8_200, 100, 20_000, 100];
    const { bytes } = writeBatch({ records: sizes.map((size) => ({ timestamp: 5, value: Buffer.alloc(size) })) });
    expect(producedBatch(bytes, 1e6)).toBeInstanceOf(Batch);
    const same = Array.from({ length: 40 }, () => ({ timestamp: 5, value: Buffer.alloc(100) }));
    for (const [delta, fits] of [
      [0, true],
      [1, false],
      [-1, false],
    ] as const) {
      const bytes = Buffer.from(writeBatch({ records: same }).bytes);
      bytes.writeInt32BE(39 + delta, 23);
      bytes.writeInt32BE(40 + delta, 57);
      new Batch(bytes, 0).seal();
      expect(producedBatch(bytes, 1e6) instanceof Batch).toBe(fits);
    }
  });
  test("too much", () => {
    expect((producedBatch(good, good.length - 1) as Refused).error).toBe("MESSAGE_TOO_LARGE");
    expect(producedBatch(good, good.length)).toBeInstanceOf(Batch);
  });
});

test("broken records end in an error, never in a hang or a wild allocation", () => {
  const { next } = seeded(20);
  const good = writeBatch(draft).bytes;
  let failed = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(good);
    for (let flips = 1 + next(3); flips > 0; flips--) bytes[HEADER + next(bytes.length - HEADER)] = next(256);
    try {
      for (const record of records(new Batch(bytes, 0))) record.headers.length;
    } catch (error) {
      expect((error as Error).name).toBe("DecodeError");
      failed++;
    }
  }
  expect(failed).toBeGreaterThan(1000);
});
