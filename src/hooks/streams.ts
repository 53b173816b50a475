import { hashText, Random, type Hash } from "./random.ts";

/** Counts, for one hook, what came on each stream, and gives each its draws. */
export class Streams {
  private readonly seen = new Map<string, { hash: Hash; count: number }>();

  constructor(private readonly rule: Hash) {}

  /** The ordinal, from 0, of the event that now came on this stream. */
  next(stream: string): number {
    const entry = this.seen.get(stream);
    if (entry !== undefined) return entry.count++;
    this.seen.set(stream, { hash: hashText(stream, this.rule), count: 1 });
    return 0;
  }

  random(stream: string, ordinal: number): Random {
    return new Random(this.seen.get(stream)?.hash ?? hashText(stream, this.rule), ordinal);
  }
}
