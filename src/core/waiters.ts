import type { Clock } from "./time.ts";

/** Those who wait for something to change at one place. */
export class Waiters {
  private readonly waiting = new Set<() => void>();

  get size(): number {
    return this.waiting.size;
  }
  add(look: () => void): void {
    this.waiting.add(look);
  }
  delete(look: () => void): void {
    this.waiting.delete(look);
  }
  /** Something changed: everyone who waits looks again. */
  wake(): void {
    for (const look of this.waiting) look();
  }
}

export interface Wait {
  /** Settles once: true when ready, false when the time was over or the wait was cancelled. */
  readonly done: Promise<boolean>;
  cancel(): void;
}

/** Waits, at most `ms` milliseconds, until `ready` holds; asks again whenever one of `places` changes. */
export function waitUntil(places: readonly Waiters[], ready: () => boolean, clock: Clock, ms: number): Wait {
  let settle!: (ready: boolean) => void;
  const done = new Promise<boolean>((resolve) => (settle = resolve));
  const finish = (how: boolean): void => {
    timer.cancel();
    for (const place of places) place.delete(look);
    settle(how);
  };
  const look = (): void => {
    if (ready()) finish(true);
  };
  const timer = clock.after(ms, () => finish(false));
  for (const place of places) place.add(look);
  return { done, cancel: () => finish(false) };
}
