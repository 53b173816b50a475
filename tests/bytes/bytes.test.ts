import { describe, expect, test } from "bun:test";
import { Framer } from "../../src/bytes/framer.ts";
import { OutBuffer } from "../../src/bytes/out-buffer.ts";
import { DecodeError, Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { seeded } from "./seeded.ts";

const KIB = 1024;

/** One way to write a value and to read it back, with the values at its edges. */
type Case<T> = [name: string, write: (w: Writer, v: T) => void, read: (r: Reader) => T, values: T[]];

/** Keeps the type of each case's values between its two functions. */
const of = <T>(...c: Case<T>) => c as Case<unknown>;

const cases = [
  of<number>(
    "u8",
    (w, v) => w.u8(v),
    (r) => r.u8(),
    [0, 1, 127, 128, 255],
  ),
  of<number>(
    "i8",
    (w, v) => w.i8(v),
    (r) => r.i8(),
    [0, 1, -1, 127, -128],
  ),
  of<number>(
    "u16",
    (w, v) => w.u16(v),
    (r) => r.u16(),
    [0, 255, 256, 0x7fff, 0x8000, 0xffff],
  ),
  of<number>(
    "i16",
    (w, v) => w.i16(v),
    (r) => r.i16(),
    [0, -1, 0x7fff, -0x8000],
  ),
  of<number>(
    "u32",
    (w, v) => w.u32(v),
    (r) => r.u32(),
    [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
  ),
  of<number>(
    "i32",
    (w, v) => w.i32(v),
    (r) => r.i32(),
    [0, -1, 0x7fff_ffff, -0x8000_0000],
  ),
  of<bigint>(
    "i64",
    (w, v) => w.i64(v),
    (r) => r.i64(),
    [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)],
  ),
  of<bigint>(
    "u64",
    (w, v) => w.u64(v),
    (r) => r.u64(),
    [0n, 1n, 2n ** 63n, 2n ** 64n - 1n],
  ),
  of<number>(
    "i64n",
    (w, v) => w.i64n(v),
    (r) => r.i64n(),
    [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ),
  of<number>(
    "f32",
    (w, v) => w.f32(v),
    (r) => r.f32(),
    [0, 1.5, -0.25, Infinity, NaN],
  ),
  of<number>(
    "f64",
    (w, v) => w.f64(v),
    (r) => r.f64(),
    [0, Math.PI, -1e300, Number.MIN_VALUE, NaN],
  ),
  of<number>(
    "uvarint",
    (w, v) => w.uvarint(v),
    (r) => r.uvarint(),
    [0, 127, 128, 16383, 16384, 2 ** 21 - 1, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32 - 1],
  ),
  of<number>(
    "varint",
    (w, v) => w.varint(v),
    (r) => r.varint(),
    [0, -1, 1, 63, 64, -64, -65, 8191, -8193, 2 ** 31 - 1, -(2 ** 31)],
  ),
  of<number>(
    "varlong",
    (w, v) => w.varlong(v),
    (r) => r.varlong(),
    [
      0,
      -1,
      1,
      2 ** 30 - 1,
      2 ** 30,
      -(2 ** 30),
      -(2 ** 30) - 1,
      2 ** 31,
      -(2 ** 31) - 1,
      2 ** 32,
      2 ** 35,
      -(2 ** 42),
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ],
  ),
  of<string>(
    "utf8",
    (w, v) => {
      const mark = w.open();
      const said = w.utf8(v);
      w.close(mark);
      expect(said).toBe(Buffer.byteLength(v));
    },
    (r) => r.utf8(r.u32()),
    ["", "topic", "x".repeat(24), "x".repeat(25), "grün", "straße ".repeat(10), "日本語", "🐇", "a".repeat(23) + "é", "\0"],
  ),
];

describe("what the writer writes, the reader reads", () => {
  for (const [name, write, read, values] of cases) {
    test(name, () => {
      for (const value of values) {
        // Every starting room, so that growing happens before each byte.
        for (const capacity of [0, 1, 3, 7, 256]) {
          const writer = new Writer(capacity);
          write(writer, value);
          const bytes = writer.toBuffer();
          const reader = new Reader(bytes);
          expect(read(reader)).toBe(value);
          expect(reader.remaining).toBe(0);
        }
      }
    });

    test(`${name} refuses every shorter input`, () => {
      for (const value of values) {
        const writer = new Writer();
        write(writer, value);
        const bytes = writer.toBuffer();
        for (let end = 0; end < bytes.length; end++) {
          // The buffer goes on behind the end: it must not be read.
          expect(() => read(new Reader(bytes, 0, end))).toThrow(DecodeError);
        }
      }
    });
  }

  test("whole numbers at random", () => {
    const random = seeded(1);
    const writer = new Writer(0);
    const values: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const value = (random.next(2) ? 1 : -1) * Math.floor(random.next(2 ** 32) * 2 ** (random.next(53) - 32));
      values.push(value);
      writer.varlong(value);
      writer.i64n(value);
    }
    const reader = new Reader(writer.toBuffer());
    for (const value of values) {
      expect(reader.varlong()).toBe(value === 0 ? 0 : value);
      expect(reader.i64n()).toBe(value === 0 ? 0 : value);
    }
  });

  test("a lone surrogate becomes the replacement character", () => {
    const writer = new Writer();
    expect(writer.utf8("a\ud800")).toBe(4);
    expect(new Reader(writer.toBuffer()).utf8(4)).toBe("a\ufffd");
  });
});

describe("reader", () => {
  test("refuses varints that are too long", () => {
    const read = (bytes: number[]) => new Reader(Buffer.from(bytes));
    const over = [0xff, 0xff, 0xff, 0xff];
    expect(read([...over, 0x0f]).uvarint()).toBe(0xffff_ffff);
    expect(() => read([...over, 0x10]).uvarint()).toThrow("varint longer than 32 bits");
    expect(() => read([...over, 0xff, 0x00]).uvarint()).toThrow("varint longer than 32 bits");
    expect(read([0x80, 0x80, 0x80, 0x80, 0x00]).uvarint()).toBe(0);
    const nine = Array.from({ length: 9 }, () => 0xff);
    expect(read([...nine, 0x01]).varlong()).toBe(-(2 ** 63));
    expect(() => read([...nine, 0x02]).varlong()).toThrow("varlong longer than 64 bits");
    expect(() => read([...nine, 0xff, 0x00]).varlong()).toThrow("varlong longer than 64 bits");
  });

  test("refuses lengths that are negative or beyond the end, and stays where it was", () => {
    const reader = new Reader(Buffer.alloc(10), 2, 8);
    for (const n of [-1, 7, 2 ** 31, 2 ** 53]) {
      for (const read of [() => reader.view(n), () => reader.copy(n), () => reader.utf8(n), () => reader.skip(n)]) {
        expect(read).toThrow(DecodeError);
        expect(reader.pos).toBe(2);
      }
    }
    expect(reader.view(6).length).toBe(6);
    expect(reader.view(0).length).toBe(0);
  });

  test("views share memory, copies do not", () => {
    const bytes = Buffer.from([1, 2, 3, 4]);
    const reader = new Reader(bytes);
    const view = reader.view(2),
      copy = reader.copy(2);
    bytes.fill(9);
    expect([...view, ...copy]).toEqual([9, 9, 3, 4]);
  });

  test("an error tells the path that its decoder took", () => {
    const error = new DecodeError("short read").at("records").at("[0]").at("partitions").at("[2]").at("topics");
    expect(String(error)).toBe("topics[2].partitions[0].records: short read");
    expect(String(new DecodeError("short read"))).toBe("short read");
  });
});

/** Frames of a 32-bit length and that many bytes. */
function lengthPrefixed(buf: Buffer, pos: number, end: number): number {
  if (end - pos < 4) return 0;
  const size = buf.readUInt32BE(pos);
  if (size > 2 ** 30) throw new DecodeError(`frame of ${size} bytes`);
  return size + 4;
}

function frame(body: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

function collect(): { framer: Framer; frames: Buffer[] } {
  const frames: Buffer[] = [];
  const framer = new Framer(lengthPrefixed, (buf, start, end) => void frames.push(buf.subarray(start + 4, end) as Buffer));
  return { framer, frames };
}

describe("framer", () => {
  const random = seeded(7);
  const bodies = [0, 1, 2, 5, 0, 17, 60, 64, 65, 130].map((n) => random.bytes(n));
  const stream = Buffer.concat(bodies.map(frame));

  test("finds the same frames wherever the stream is cut in three", () => {
    for (let a = 0; a <= stream.length; a += 3) {
      for (let b = a; b <= stream.length; b += 5) {
        const { framer, frames } = collect();
        for (const part of [stream.subarray(0, a), stream.subarray(a, b), stream.subarray(b)]) framer.push(Buffer.from(part));
        expect(Buffer.concat(frames.map(frame)).equals(stream)).toBe(true);
        expect(framer.buffered).toBe(0);
      }
    }
  });

  test("finds the same frames in chunks of every size", () => {
    for (let size = 1; size <= stream.length; size++) {
      const { framer, frames } = collect();
      for (let at = 0; at < stream.length; at += size) framer.push(Buffer.from(stream.subarray(at, at + size)));
      expect(frames.length).toBe(bodies.length);
      // All of them are still what they were: no frame's memory is used again.
      expect(Buffer.concat(frames.map(frame)).equals(stream)).toBe(true);
    }
  });

  test("hands frames that lie in one chunk on without copying", () => {
    const { framer, frames } = collect();
    framer.push(stream);
    expect(frames.every((f) => f.buffer === stream.buffer)).toBe(true);
  });

  test("gathers a frame of megabytes", () => {
    const body = Buffer.alloc(5 * KIB * KIB, "kilobyte");
    const { framer, frames } = collect();
    const bytes = Buffer.concat([frame(body), frame(Buffer.from("next"))]);
    for (let at = 0; at < bytes.length; at += 60_000) framer.push(Buffer.from(bytes.subarray(at, at + 60_000)));
    expect(frames.map((f) => f.length)).toEqual([body.length, 4]);
    expect(frames[0]!.equals(body)).toBe(true);
  });

  test("a large announced length does not allocate", () => {
    const announced = Buffer.alloc(5);
    announced.writeUInt32BE(2 ** 30);
    Bun.gc(true);
    const before = process.memoryUsage();
    const framers = Array.from({ length: 200 }, () => {
      const { framer } = collect();
      framer.push(announced);
      return framer;
    });
    const after = process.memoryUsage();
    expect(framers.every((f) => f.buffered === 5)).toBe(true);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * KIB * KIB);
    expect(after.rss - before.rss).toBeLessThan(64 * KIB * KIB);
  });

  test("an unacceptable length throws out of push", () => {
    const { framer } = collect();
    expect(() => framer.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(DecodeError);
    const split = collect();
    split.framer.push(Buffer.from([0xff, 0xff]));
    expect(() => split.framer.push(Buffer.from([0xff, 0xff]))).toThrow(DecodeError);
  });

  test("paused after each frame, it keeps the rest in order", () => {
    for (let size = 1; size <= stream.length; size += 3) {
      const frames: Buffer[] = [];
      const framer: Framer = new Framer(lengthPrefixed, (buf, start, end) => {
        frames.push(buf.subarray(start, end) as Buffer);
        framer.pause();
      });
      for (let at = 0; at < stream.length; at += size) framer.push(Buffer.from(stream.subarray(at, at + size)));
      expect(frames.length).toBe(1);
      expect(framer.paused).toBe(true);
      for (let n = 2; n <= bodies.length; n++) {
        expect(framer.buffered).toBe(stream.length - Buffer.concat(frames).length);
        framer.resume();
        expect(frames.length).toBe(n);
      }
      framer.resume();
      expect(Buffer.concat(frames).equals(stream)).toBe(true);
      expect(framer.buffered).toBe(0);
    }
  });

  test("paused and resumed while handling a frame, it goes on once that is done", () => {
    const seen: string[] = [];
    const framer: Framer = new Framer(lengthPrefixed, (buf, start, end) => {
      const name = buf.toString("utf8", start + 4, end);
      seen.push(`${name} begins`);
      framer.pause();
      framer.resume();
      seen.push(`${name} ends`);
    });
    const bytes = Buffer.concat(["a", "b", "c"].map((s) => frame(Buffer.from(s))));
    framer.push(bytes.subarray(0, 7) as Buffer);
    framer.push(bytes.subarray(7) as Buffer);
    expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  test("bytes pushed while handling a frame come after those before them", () => {
    const seen: string[] = [];
    const framer: Framer = new Framer(lengthPrefixed, (buf, start, end) => {
      const name = buf.toString("utf8", start + 4, end);
      seen.push(name);
      if (name === "a") framer.push(frame(Buffer.from("pushed")));
    });
    framer.push(Buffer.concat([frame(Buffer.from("a")), frame(Buffer.from("b"))]));
    expect(seen).toEqual(["a", "b", "pushed"]);
  });

  test("closed while handling a frame, it hands on no other", () => {
    for (const cut of [0, 2, 7]) {
      let seen = 0;
      const framer: Framer = new Framer(lengthPrefixed, () => {
        seen++;
        framer.close();
      });
      framer.push(Buffer.from(stream.subarray(0, cut)));
      framer.push(Buffer.from(stream.subarray(cut)));
      framer.push(Buffer.from(stream));
      expect(seen).toBe(1);
    }
  });

  test("a large chunk is freed at once where nobody keeps any of its frames, and only there", () => {
    for (const kept of [-1, 0, 3]) {
      let seen = 0;
      const framer = new Framer(lengthPrefixed, () => seen++ !== kept);
      const body = Buffer.alloc(30 * KIB, 7);
      const chunk = Buffer.concat([frame(body), frame(body), frame(body), frame(body), frame(body).subarray(0, 100)]);
      framer.push(chunk);
      expect(seen).toBe(4);
      expect(chunk.buffer.byteLength === 0).toBe(kept < 0);
    }
  });

  test("frames that span chunks and that nobody keeps share one buffer; one that is kept stays as it is", () => {
    const buffers: Buffer[] = [],
      bodies: Buffer[] = [];
    const framer = new Framer(lengthPrefixed, (buf, start, end) => {
      buffers.push(buf);
      bodies.push(buf.subarray(start + 4, end) as Buffer);
      expect(bodies.at(-1)).toEqual(Buffer.alloc(100, bodies.length));
      return bodies.length !== 3;
    });
    const all = Buffer.concat([1, 2, 3, 4, 5].map((i) => frame(Buffer.alloc(100, i))));
    for (let at = 0; at < all.length; at += 50) framer.push(Buffer.from(all.subarray(at, at + 50)));
    expect(new Set(buffers).size).toBe(2);
    expect(bodies[2]).toEqual(Buffer.alloc(100, 3));
  });

  test("a handler that throws loses its frame only", () => {
    for (const cut of [0, 2, 6, 9]) {
      const seen: string[] = [];
      const framer = new Framer(lengthPrefixed, (buf, start, end) => {
        const name = buf.toString("utf8", start + 4, end);
        if (name === "bad") throw new Error("handler");
        seen.push(name);
      });
      const bytes = Buffer.concat(["good", "bad", "rest"].map((s) => frame(Buffer.from(s))));
      framer.push(Buffer.from(bytes.subarray(0, cut)));
      expect(() => framer.push(Buffer.from(bytes.subarray(cut)))).toThrow("handler");
      framer.resume();
      expect(seen).toEqual(["good", "rest"]);
    }
  });

  test("frames differently from one frame to the next", () => {
    const seen: string[] = [];
    const framer: Framer = new Framer(
      (_buf, pos, end) => (end - pos < 8 ? 0 : 8),
      (buf, start, end) => {
        seen.push(buf.toString("latin1", start, end));
        framer.reframe(lengthPrefixed);
      },
    );
    const bytes = Buffer.concat([Buffer.from("AMQP\0\0\x09\x01", "latin1"), frame(Buffer.from("hi"))]);
    for (const byte of bytes) framer.push(Buffer.from([byte]));
    expect(seen).toEqual(["AMQP\0\0\x09\x01", "\0\0\0\x02hi"]);
  });
});

/** A peer that takes what it is told to take. */
class Peer {
  parts: Buffer[] = [];
  calls = 0;
  dirty = 0;
  room = Infinity;
  readonly out = new OutBuffer(
    (bytes) => {
      this.calls++;
      if (this.room < 0) return -1;
      const n = Math.min(this.room, bytes.length);
      this.room -= n;
      this.parts.push(Buffer.from(bytes.subarray(0, n)));
      return n;
    },
    () => void this.dirty++,
  );
  get received(): Buffer {
    return Buffer.concat(this.parts);
  }
}

describe("out-buffer", () => {
  test("sends many small writes in one call, and says once that it is dirty", () => {
    const peer = new Peer();
    for (let i = 0; i < 100; i++) peer.out.u32(i);
    expect([peer.calls, peer.dirty, peer.out.pending]).toEqual([0, 1, 400]);
    expect(peer.out.flush()).toBe(true);
    expect([peer.calls, peer.dirty, peer.out.pending]).toEqual([1, 1, 0]);
    expect(peer.out.flush()).toBe(true);
    expect(peer.calls).toBe(1);
    peer.out.u8(1);
    expect(peer.dirty).toBe(2);
  });

  test("owns no memory when it is empty", () => {
    const peer = new Peer();
    peer.out.u8(1);
    peer.out.flush();
    expect(peer.out.buf.length).toBe(0);
  });

  test("whatever is written and however little is taken, the peer gets exactly that", () => {
    const random = seeded(11);
    for (let round = 0; round < 60; round++) {
      const peer = new Peer();
      const expected: Buffer[] = [];
      const others: OutBuffer[] = [];
      for (let step = 0; step < 80; step++) {
        const body = Buffer.alloc([1, 10, 300, 20_000, 70_000, 200_000][random.next(6)]!, random.next(256));
        switch (random.next(6)) {
          case 0: {
            const mark = peer.out.open();
            peer.out.bytes(body);
            peer.out.view(body);
            peer.out.u8(1);
            peer.out.close(mark);
            expected.push(frame(Buffer.concat([body, body, Buffer.from([1])])));
            break;
          }
          case 1:
            peer.out.view(body);
            expected.push(body);
            break;
          case 2:
            peer.out.bytes(body);
            expected.push(body);
            break;
          case 3:
            peer.out.utf8("text and ütf");
            expected.push(Buffer.from("text and ütf"));
            break;
          case 4:
            peer.room = random.next(150_000);
            expect(peer.out.flush()).toBe(peer.out.pending === 0);
            break;
          default: {
            // Another connection takes blocks from the same spares meanwhile.
            const other = new Peer();
            other.out.bytes(Buffer.alloc(random.next(100_000), 0xee));
            others.push(other.out);
            if (random.next(2)) others.shift()!.flush();
          }
        }
        const sofar = peer.parts.reduce((sum, part) => sum + part.length, 0);
        expect(peer.out.pending).toBe(expected.reduce((sum, part) => sum + part.length, 0) - sofar);
      }
      peer.room = Infinity;
      expect(peer.out.flush()).toBe(true);
      expect(peer.received.equals(Buffer.concat(expected))).toBe(true);
    }
  });

  test("a blocked peer gets everything once it drains, a little at a time", () => {
    const peer = new Peer();
    peer.room = 0;
    const bytes = seeded(12).bytes(1000);
    for (let i = 0; i < 300; i++) peer.out.bytes(bytes);
    expect(peer.out.flush()).toBe(false);
    expect(peer.out.pending).toBe(300_000);
    for (let taken = 0; taken < 300_000; taken += 7919) {
      expect(peer.out.pending).toBe(300_000 - taken);
      peer.room = 7919;
      peer.out.flush();
    }
    expect(peer.out.pending).toBe(0);
    expect(peer.received.equals(Buffer.concat(Array.from({ length: 300 }, () => bytes)))).toBe(true);
  });

  test("a large view is sent from where it lies, a small one is copied", () => {
    const sent: Buffer[] = [];
    const out = new OutBuffer(
      (bytes) => (sent.push(bytes), bytes.length),
      () => {},
    );
    const large = Buffer.alloc(40_000, 1),
      small = Buffer.alloc(100, 2);
    out.u8(0);
    out.view(large);
    out.view(small);
    out.flush();
    expect(sent.map((b) => b.length)).toEqual([1, 40_000, 100]);
    expect(sent[1]!.buffer).toBe(large.buffer);
    expect(sent[2]!.buffer).not.toBe(small.buffer);
  });

  test("a busy connection whose peer keeps up lives in one block", () => {
    const memory = new Set<ArrayBufferLike>();
    const out = new OutBuffer(
      (bytes) => (memory.add(bytes.buffer), bytes.length),
      () => {},
    );
    const body = Buffer.alloc(1000);
    for (let i = 0; i < 1000; i++) out.bytes(body);
    out.flush();
    expect(memory.size).toBe(1);
  });

  test("a length that is open keeps its block until it is filled in", () => {
    const peer = new Peer();
    const mark = peer.out.open();
    for (let i = 0; i < 200; i++) peer.out.bytes(Buffer.alloc(1000, i));
    expect(peer.calls).toBe(0);
    peer.out.close(mark);
    peer.out.flush();
    expect(peer.received.readUInt32BE(0)).toBe(200_000);
    expect(peer.received.length).toBe(200_004);
  });

  test("a closed peer takes nothing, and nothing is kept for it", () => {
    const peer = new Peer();
    peer.room = -1;
    for (let i = 0; i < 50; i++) peer.out.view(Buffer.alloc(20_000));
    peer.out.bytes(Buffer.alloc(10));
    expect(peer.out.flush()).toBe(true);
    expect([peer.out.pending, peer.received.length]).toEqual([0, 0]);
    for (let i = 0; i < 500; i++) peer.out.bytes(Buffer.alloc(1000));
    expect(peer.out.pending).toBeLessThanOrEqual(64 * KIB);
  });

  test("cleared, it forgets what was not sent", () => {
    const peer = new Peer();
    peer.room = 3;
    peer.out.bytes(Buffer.from("abcdef"));
    peer.out.flush();
    peer.out.clear();
    peer.room = Infinity;
    peer.out.bytes(Buffer.from("xyz"));
    peer.out.flush();
    expect(peer.received.toString()).toBe("abcxyz");
  });
});
