import type { Refusal } from "../hooks/observer.ts";

interface Arrival {
  readonly at: number;
  /** Its sender was told that it failed, or heard nothing: the next one like it is the same again. */
  refused: boolean;
}

/** Messages that came and were not stored yet, at one time. */
const PENDING_MOST = 100_000;

/** When each message came for the first time: what the order in which they are stored is held against. */
export class Arrivals {
  private readonly pending = new Map<string, Arrival[]>();

  received(print: string, at: number): void {
    const list = this.pending.get(print);
    if (list === undefined) {
      if (this.pending.size >= PENDING_MOST) this.pending.delete(this.pending.keys().next().value!);
      this.pending.set(print, [{ at, refused: false }]);
      return;
    }
    const again = list.find(({ refused }) => refused);
    if (again !== undefined) again.refused = false;
    else list.push({ at, refused: false });
  }

  refused(print: string, how: Refusal): void {
    if (how === "drop" || how === "reroute" || how === "repeated" || how === "expire") return void this.take(print);
    const last = this.pending.get(print)?.findLast(({ refused }) => !refused);
    if (last !== undefined) last.refused = true;
  }

  /** When the message that is stored now came; undefined when no client sent it. */
  take(print: string): number | undefined {
    const list = this.pending.get(print);
    if (list === undefined) return undefined;
    const { at } = list.shift()!;
    if (list.length === 0) this.pending.delete(print);
    return at;
  }
}
