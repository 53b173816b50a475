import type { Clock, Timer } from "./time.ts";

/**
 * Something that happens unless it is put off in time. Putting it off is cheap: the alarm that is
 * already set looks again when it comes up.
 */
export class Deadline {
  private due = Infinity;
  private alarm: Timer | null = null;
  private alarmAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly expired: () => void,
  ) {}

  /** Expires `ms` milliseconds from now. */
  set(ms: number): void {
    this.due = this.clock.now() + ms;
    if (this.alarm !== null && this.alarmAt <= this.due) return;
    this.alarm?.cancel();
    this.arm();
  }

  clear(): void {
    this.due = Infinity;
    this.alarm?.cancel();
    this.alarm = null;
  }

  private arm(): void {
    this.alarmAt = this.due;
    this.alarm = this.clock.after(this.due - this.clock.now(), () => {
      this.alarm = null;
      if (this.due > this.clock.now()) return this.arm();
      this.due = Infinity;
      this.expired();
    });
  }
}
