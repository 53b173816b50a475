import { expect, test } from "bun:test";
import { AdvanceableClock } from "../../src/hooks/clock.ts";

test("advance fires what is due, in order, each at its own time", async () => {
  const clock = new AdvanceableClock(1000);
  const start = clock.now();
  const fired: [string, number][] = [];
  const note = (name: string) => (): void => void fired.push([name, (clock.now() - start) / 1000]);
  clock.after(3_600_000, note("hour"));
  clock.after(60_000, () => {
    note("minute")();
    clock.after(60_000, note("two minutes"));
  });
  clock.after(60_000, note("also a minute"));
  clock.after(86_400_000, note("day"));
  clock.after(5_000, note("cancelled")).cancel();
  await clock.advance(3_600_000);
  expect(fired).toEqual([
    ["minute", 60],
    ["also a minute", 60],
    ["two minutes", 120],
    ["hour", 3600],
  ]);
  clock.stop();
});

test("sleep settles when its time has come, and what awaited it runs before later alarms", async () => {
  const clock = new AdvanceableClock();
  const order: string[] = [];
  void (async () => {
    await clock.sleep(1000);
    order.push("slept");
  })();
  clock.after(2000, () => void order.push("alarm"));
  await clock.advance(3000);
  expect(order).toEqual(["slept", "alarm"]);
  clock.stop();
});

test("advances that overlap add up, and no millisecond is skipped twice", async () => {
  const clock = new AdvanceableClock(0);
  const fired: number[] = [];
  for (let at = 1000; at <= 9000; at += 1000) clock.after(at, () => void fired.push(clock.now()));
  const under = clock.sleep(2000);
  const first = clock.advance(5000);
  await under;
  const second = clock.advance(3000);
  expect([clock.now(), clock.horizon()]).toEqual([2000, 8000]);
  await Promise.all([first, second]);
  expect([clock.now(), clock.skippedSince(0), clock.skippedSince(4000)]).toEqual([8000, 8000, 4000]);
  expect(fired).toEqual([1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]);
});

test("without advance it runs by itself", async () => {
  const clock = new AdvanceableClock();
  await clock.sleep(5);
  clock.stop();
  expect(clock.now()).toBeGreaterThan(0);
});

test("a thousand alarms in any order fire sorted", async () => {
  const clock = new AdvanceableClock();
  const fired: number[] = [];
  for (let i = 0; i < 1000; i++) clock.after(((i * 7919) % 1000) * 1000 + 1000, () => void fired.push((i * 7919) % 1000));
  await clock.advance(1_100_000);
  expect(fired).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  clock.stop();
});

test("a clock that stands still moves by advance alone", async () => {
  const clock = new AdvanceableClock(1000);
  const fired: number[] = [];
  clock.after(0, () => void fired.push(clock.now()));
  clock.after(5, () => void fired.push(clock.now()));
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(clock.now()).toBe(1000);
  expect(fired).toEqual([]);
  await clock.advance(7);
  expect(fired).toEqual([1000, 1005]);
  expect(clock.now()).toBe(1007);
});

test("after a jump alarms come up in their own time, not in that of an alarm which was overtaken", async () => {
  const clock = new AdvanceableClock();
  clock.after(3_600_000, () => undefined);
  await clock.advance(7_200_000);
  await clock.sleep(5);
  clock.stop();
});

test("it knows what was jumped over since when, however many jumps there were", async () => {
  const clock = new AdvanceableClock(1_000_000);
  const start = clock.now();
  await clock.advance(10_000);
  const between = clock.now();
  for (let i = 0; i < 1000; i++) await clock.advance(10);
  expect([clock.skippedSince(start), clock.skippedSince(between), clock.skippedSince(clock.now())]).toEqual([20_000, 10_000, 0]);
  expect(clock.skippedSince(start + 4_000)).toBe(16_000);
  let horizon = 0;
  clock.after(5, () => (horizon = clock.horizon()));
  await clock.advance(100);
  expect([horizon, clock.horizon()]).toEqual([clock.now(), clock.now()]);
});
