import { systemClock } from "./time.ts";

/** Tells when a command that goes on and on should end: SIGINT, SIGTERM, enough messages, or nothing new for too long. */
export class Stop {
  readonly signal: AbortSignal;
  readonly count: number;
  private readonly controller = new AbortController();
  private readonly timeout: number | null;
  private timer: { cancel(): void } | null = null;
  private seen = 0;

  constructor({ count = Infinity, timeout = null }: { count?: number | undefined; timeout?: number | null | undefined } = {}) {
    this.count = count;
    this.timeout = timeout;
    this.signal = this.controller.signal;
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => this.now());
  }

  /** From now on messages can come, and the time in which none does counts: what it took to connect does not. */
  listening(): void {
    this.wait();
  }

  /** One more was taken; true when it was the last one wanted. */
  take(): boolean {
    this.seen++;
    if (this.seen >= this.count) this.now();
    else this.wait();
    return this.signal.aborted;
  }

  now(): void {
    this.timer?.cancel();
    this.controller.abort();
  }

  get stopped(): boolean {
    return this.signal.aborted;
  }

  /** Settles when it is time to stop. */
  get asked(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => this.signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** Throws when fewer came than were wanted. */
  check(what: string): void {
    if (this.count !== Infinity && this.seen < this.count) throw new Error(`${this.seen} of ${this.count} ${what} came`);
  }

  private wait(): void {
    this.timer?.cancel();
    if (this.timeout !== null && !this.stopped) this.timer = systemClock.after(this.timeout, () => this.now());
  }
}
