import { describe, expect, test } from "bun:test";
import { type DropReason, type Entry, Queue } from "../../src/core/queue.ts";
import { AdvanceableClock } from "../../src/hooks/clock.ts";

function make(limits: { maxLength?: number; maxBytes?: number } = {}) {
  const clock = new AdvanceableClock();
  const dropped: [string, DropReason][] = [];
  const queue = new Queue<string>(clock, { maxLength: Infinity, maxBytes: Infinity, ...limits }, (entry, reason) =>
    dropped.push([entry.item, reason]),
  );
  const push = (...items: string[]) => items.forEach((item) => queue.push(item, item.length));
  const take = (n: number) => Array.from({ length: n }, () => queue.shift()!);
  const items = () => [...queue].map((entry) => entry.item).join("");
  return { clock, dropped, queue, push, take, items };
}

describe("a queue", () => {
  test("hands out in order, across many growths of its ring", () => {
    const { queue } = make();
    const got: string[] = [];
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < round; i++) queue.push(`${round}.${i}`, 1);
      for (let i = 0; i < round / 2; i++) got.push(queue.shift()!.item);
    }
    while (queue.ready > 0) got.push(queue.shift()!.item);
    const all = Array.from({ length: 50 }, (_, round) => Array.from({ length: round }, (_, i) => `${round}.${i}`)).flat();
    expect(got).toEqual(all);
    expect(queue.shift()).toBeUndefined();
    expect(queue.unacked).toBe(all.length);
  });

  test("puts entries that come back where they were", () => {
    const { queue, push, take, items } = make();
    push(..."abcdef");
    const [a, , c, d] = take(4) as [Entry<string>, Entry<string>, Entry<string>, Entry<string>];
    expect([queue.ready, queue.unacked]).toEqual([2, 4]);
    queue.requeue([c]);
    expect(items()).toBe("cef");
    queue.requeue([a, d]);
    expect(items()).toBe("acdef");
    queue.settle();
    expect([queue.ready, queue.unacked, queue.readyBytes]).toEqual([5, 0, 5]);
    expect([...queue].map((entry) => entry.deliveries)).toEqual([1, 1, 1, 0, 0]);
  });

  test("takes an entry back at the end", () => {
    const { queue, push, take, items } = make();
    push(..."abc");
    const [a] = take(1);
    queue.requeueLast(a!);
    expect([items(), queue.unacked, [...queue].at(-1)!.deliveries]).toEqual(["bca", 0, 1]);
  });

  test("keeps positions whatever comes and goes", () => {
    const { queue, items } = make();
    let state = 7;
    const random = (n: number) => (state = (state * 48271) % 2147483647) % n;
    const out: Entry<string>[] = [];
    for (let i = 0; i < 2000; i++) {
      if (random(3) > 0) queue.push(String.fromCharCode(i + 0x400), 1);
      const entry = random(2) === 0 ? queue.shift() : undefined;
      if (entry !== undefined) out.push(entry);
      if (random(10) === 0) queue.requeue(out.splice(0, random(out.length + 1)));
    }
    queue.requeue(out);
    expect(items()).toBe([...items()].sort().join(""));
    expect(queue.unacked).toBe(0);
  });

  test("lets a lower rank go first", () => {
    const { queue, items } = make();
    queue.push("c", 1, Infinity, 2);
    queue.push("a", 1, Infinity, 0);
    queue.push("d", 1, Infinity, 2);
    queue.push("b", 1, Infinity, 0);
    const first = queue.shift()!;
    queue.push("x", 1, Infinity, 1);
    queue.requeue([first]);
    expect(items()).toBe("abxcd");
  });

  test("drops at the head above its limits", () => {
    const long = make({ maxLength: 2 });
    long.push(..."abcd");
    expect([long.items(), long.dropped]).toEqual([
      "cd",
      [
        ["a", "maxlen"],
        ["b", "maxlen"],
      ],
    ]);

    const heavy = make({ maxBytes: 5 });
    heavy.push("aaa", "bb", "c");
    expect(heavy.items()).toBe("bbc");
    heavy.push("toolong");
    expect([heavy.items(), heavy.queue.readyBytes]).toEqual(["", 0]);

    const back = make({ maxLength: 1 });
    back.push("a");
    const a = back.take(1);
    back.push("b");
    back.queue.requeue(a);
    expect([back.items(), back.dropped]).toEqual(["b", [["a", "maxlen"]]]);
  });

  test("lets entries expire at the head", async () => {
    const { clock, dropped, queue } = make();
    const now = clock.now();
    queue.push("short", 1, now + 1_000);
    queue.push("long", 1, now + 60_000);
    queue.push("shorter, behind", 1, now + 500);
    await clock.advance(2_000);
    expect(dropped).toEqual([["short", "expired"]]);
    await clock.advance(60_000);
    expect(dropped.map(([item]) => item)).toEqual(["short", "long", "shorter, behind"]);
    queue.push("gone when asked", 1, clock.now());
    expect(queue.shift()).toBeUndefined();
  });

  test("an entry that comes back expires by its old time", async () => {
    const { clock, dropped, queue } = make();
    queue.push("a", 1, clock.now() + 1_000);
    const a = queue.shift()!;
    await clock.advance(2_000);
    expect(dropped).toEqual([]);
    queue.requeue([a]);
    await clock.advance(1);
    expect(dropped).toEqual([["a", "expired"]]);
  });

  test("purges what is ready and nothing else", () => {
    const { queue, push, take } = make();
    push(..."abc");
    take(1);
    expect(queue.purge()).toBe(2);
    expect([queue.ready, queue.readyBytes, queue.unacked]).toEqual([0, 0, 1]);
  });
});
