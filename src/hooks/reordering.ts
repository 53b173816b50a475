import type { Clock } from "../core/time.ts";

interface Aside {
  left: number;
  go: (() => void) | null;
  /** Its turn has come, be it before there was anything to do. */
  isDue: boolean;
}

/**
 * Messages that stepped aside to let others pass, by the line they stood in: all messages for one
 * destination, or all deliveries to one consumer. One goes right behind the last that it waited for,
 * before the next of its line is looked at, however the bytes came in.
 */
export class Asides {
  private readonly lines = new Map<string, Aside[]>();

  constructor(private readonly clock: Clock) {}

  get isEmpty(): boolean {
    return this.lines.size === 0;
  }

  /** Steps aside for `places` others; what comes back takes the work to do when its turn has come. */
  put(line: string, places: number, ms: number): (go: () => void) => void {
    const aside: Aside = { left: places, go: null, isDue: false };
    const others = this.lines.get(line);
    if (others === undefined) this.lines.set(line, [aside]);
    else others.push(aside);
    this.clock.after(ms, () => {
      aside.left = 0;
      this.release(line);
    });
    return (go) => {
      // Who asked for it may have had others to wait for first.
      if (aside.isDue) go();
      else aside.go = go;
    };
  }

  /** Another of the line is about to be looked at: who waited for enough goes first. */
  release(line: string): void {
    const waiting = this.lines.get(line);
    if (waiting === undefined) return;
    const due = waiting.filter(({ left }) => left <= 0);
    if (due.length === 0) return;
    if (due.length === waiting.length) this.lines.delete(line);
    else
      this.lines.set(
        line,
        waiting.filter(({ left }) => left > 0),
      );
    for (const aside of due) aside.isDue = true;
    for (const { go } of due) go?.();
  }

  /** Another of the line came, be it to go by or to step aside too. */
  passed(line: string): void {
    const waiting = this.lines.get(line);
    if (waiting === undefined) return;
    let due = false;
    for (const aside of waiting) due = --aside.left <= 0 || due;
    // When nothing follows: once all that is under way is done.
    if (due) setImmediate(() => this.release(line));
  }
}
