import type { JumpingClock, Timer } from "../core/time.ts";

class Alarm implements Timer {
  /** Cancelled alarms stay in the heap until they come up: cheaper than finding them. */
  run: (() => void) | null;
  constructor(
    readonly due: number,
    readonly order: number,
    run: () => void,
  ) {
    this.run = run;
  }
  cancel(): void {
    this.run = null;
  }
}

const before = (a: Alarm, b: Alarm): boolean => a.due < b.due || (a.due === b.due && a.order < b.order);
/** Jumps that are remembered one by one. */
const JUMPS = 256;
/** The longest wait that the machine's timer takes. */
const LONGEST = 2 ** 31 - 1;

/** The machine's clock plus everything it was advanced by. Alarms due at one time fire in the order they were set. */
export class AdvanceableClock implements JumpingClock {
  private offset = 0;
  private order = 0;
  private heap: Alarm[] = [];
  private wake: ReturnType<typeof setTimeout> | null = null;
  private wakeAt = Infinity;
  private stopped = false;
  /** Oldest first, in this clock's own time. */
  private readonly jumps: { from: number; to: number }[] = [];
  /** Where the last `advance` leads, and when it is there; null when none is under way. */
  private target = 0;
  private arrival: Promise<void> | null = null;

  /** `stillAt`: a time to stand still at, so that nothing but `advance` moves it: for runs that have to be alike to the millisecond. */
  constructor(private readonly stillAt: number | null = null) {}

  now(): number {
    return (this.stillAt ?? Date.now()) + this.offset;
  }

  after(ms: number, run: () => void): Timer {
    const alarm = new Alarm(this.now() + Math.max(0, ms), this.order++, run);
    push(this.heap, alarm);
    this.arm();
    return alarm;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /**
   * Moves this clock `ms` milliseconds on, from where it will be after the advances that are under way.
   * Every alarm on the way sees the time it was set for, and what it started gets its turn before the next one.
   */
  advance(ms: number): Promise<void> {
    const target = this.horizon() + ms;
    this.target = target;
    const move = (): Promise<void> => this.moveTo(target);
    const arrival = this.arrival === null ? move() : this.arrival.then(move, move);
    this.arrival = arrival;
    const arrived = (): void => {
      if (this.arrival === arrival) this.arrival = null;
    };
    arrival.then(arrived, arrived);
    return arrival;
  }

  private async moveTo(target: number): Promise<void> {
    const jump = { from: this.now(), to: this.now() };
    this.jumps.push(jump);
    if (this.jumps.length > JUMPS) this.joinOldest();
    for (;;) {
      const next = this.heap[0];
      if (next === undefined || next.due > target) break;
      this.offset += Math.max(0, next.due - this.now());
      jump.to = this.now();
      this.fire();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.offset += Math.max(0, target - this.now());
    jump.to = this.now();
    // The machine's timer was set for a time that has come nearer.
    if (this.wake !== null) clearTimeout(this.wake);
    this.wake = null;
    this.wakeAt = Infinity;
    this.arm();
  }

  skippedSince(time: number): number {
    let skipped = 0;
    for (let i = this.jumps.length - 1; i >= 0; i--) {
      const { from, to } = this.jumps[i]!;
      if (to <= time) break;
      skipped += to - Math.max(from, time);
    }
    return skipped;
  }

  horizon(): number {
    return Math.max(this.now(), this.target);
  }

  /** The two oldest become one that is as long, so that none is forgotten. */
  private joinOldest(): void {
    const [first, second] = this.jumps.splice(0, 2) as [{ from: number; to: number }, { from: number; to: number }];
    this.jumps.unshift({ from: second.from - (first.to - first.from), to: second.to });
  }

  /** No alarm fires any more. */
  stop(): void {
    this.stopped = true;
    this.heap = [];
    if (this.wake !== null) clearTimeout(this.wake);
  }

  private fire(): void {
    const now = this.now();
    while (this.heap.length > 0 && this.heap[0]!.due <= now) {
      const alarm = pop(this.heap);
      const run = alarm.run;
      alarm.run = null;
      run?.();
    }
  }

  private arm(): void {
    if (this.stopped || this.stillAt !== null) return;
    while (this.heap.length > 0 && this.heap[0]!.run === null) pop(this.heap);
    const due = this.heap[0]?.due ?? Infinity;
    if (due === Infinity || (this.wake !== null && this.wakeAt <= due)) return;
    if (this.wake !== null) clearTimeout(this.wake);
    this.wakeAt = due;
    this.wake = setTimeout(
      () => {
        this.wake = null;
        this.wakeAt = Infinity;
        try {
          this.fire();
        } finally {
          this.arm();
        }
      },
      Math.min(LONGEST, Math.max(0, due - this.now())),
    );
  }
}

function push(heap: Alarm[], alarm: Alarm): void {
  let i = heap.push(alarm) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[parent]!, alarm)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = alarm;
}

function pop(heap: Alarm[]): Alarm {
  const top = heap[0]!;
  const last = heap.pop()!;
  const size = heap.length;
  if (size > 0) {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
  return top;
}

/** Milliseconds with fractions, for measuring how long something took: no clock that is advanced, and none that jumps. */
export const stopwatch = (): number => performance.now();
