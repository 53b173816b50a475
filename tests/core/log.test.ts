import { expect, test } from "bun:test";
import { Entry, Log } from "../../src/core/log.ts";
import { seeded } from "../bytes/seeded.ts";

interface Kept {
  base: number;
  next: number;
  count: number;
  time: number;
  epoch: number;
  appended: number;
  bytes: Buffer;
}

const plain = ({ base, next, count, time, epoch, appended, bytes }: Entry): Kept => ({
  base,
  next,
  count,
  time,
  epoch,
  appended,
  bytes: Buffer.from(bytes),
});

test("a log holds what was appended and not let go of, whatever happens to it", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seeded(seed);
    const log = new Log();
    const kept: Kept[] = [];
    let start = 0,
      end = 0,
      epoch = 0;
    const size = (entries: readonly Kept[]): number => entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const letGo = (gone: (entry: Kept, rest: readonly Kept[]) => boolean): void => {
      while (kept.length > 0 && gone(kept[0]!, kept.slice(1))) start = Math.max(start, kept.shift()!.next);
    };
    for (let step = 0; step < 400; step++) {
      const what = random.next(20);
      if (what < 13) {
        const n = [1, 61, 500, 20_000, 70_000, 300_000][random.next(step % 7 === 0 ? 6 : 4)]!;
        const chunk = Buffer.alloc(random.next(2) === 0 ? n : n + 100_000, random.next(256));
        const bytes = chunk.subarray(0, n) as Buffer;
        const span = 1 + random.next(3),
          time = random.next(1000);
        if (random.next(30) === 0) epoch++;
        const entry = { base: end, next: end + span, count: 1, time, epoch, appended: step, bytes: Buffer.from(bytes) };
        const taken = log.append(bytes, span, 1, time, epoch, step, false);
        // What the log copied its sender may use for something else.
        if (!taken) bytes.fill(0xee);
        kept.push(entry);
        end += span;
      } else if (what === 13) {
        const before = start + random.next(Math.max(1, end - start + 2));
        log.deleteBefore(before);
        start = Math.max(start, Math.min(before, end));
        letGo(({ next }) => next <= start);
      } else if (what === 14) {
        const most = random.next(400_000);
        log.keepBytes(most);
        letGo((_, rest) => size(rest) >= most);
      } else if (what === 15) {
        const since = random.next(300);
        log.keepSince(since);
        letGo(({ time }) => time < since);
      } else if (what === 16) {
        let lost = random.next(4);
        log.truncate(() => lost-- > 0);
        for (let left = kept.length - log.read(0, Infinity, true).length; left > 0; left--) end = kept.pop()!.base;
        start = Math.min(start, end);
      } else if (what === 17 && kept.length > 0) {
        const time = random.next(1000),
          from = start + random.next(end - start + 1);
        const since = kept.find((entry) => entry.time >= time && entry.next > from);
        expect(log.since(time, from)?.base).toBe(since?.base);
        const latest = kept.reduce((a, b) => (b.time > a.time ? b : a));
        expect(log.latest()?.base).toBe(latest.base);
      } else {
        const offset = start + random.next(end - start + 1),
          most = random.next(100_000);
        const from = kept.filter(({ next }) => next > offset);
        const wanted: Kept[] = [];
        for (const entry of from)
          if (wanted.length === 0 || size(wanted) + entry.bytes.length <= most) wanted.push(entry);
          else break;
        expect(log.read(offset, most, true).map(plain)).toEqual(wanted);
        expect(log.available(offset, Infinity)).toBe(size(from));
      }
      expect([log.start, log.end, log.bytes]).toEqual([start, end, size(kept)]);
    }
    expect([...log].map(plain)).toEqual(kept);
    expect(Buffer.concat(Entry.pieces([...log]))).toEqual(Buffer.concat(kept.map(({ bytes }) => bytes)));
  }
});
