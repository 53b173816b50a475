import { hashText, Random, type Hash } from "./random.ts";

/** Streams that are counted for one hook; past it the oldest begins again at 0, so that endless keys cost bounded memory. */
const STREAMS_MOST = 500_000;

/** Counts, for one hook, what came on each stream, and gives each its draws. */
export class Streams {
  private readonly seen = new Map<string, { hash: Hash; count: number }>();

  constructor(private readonly rule: Hash) {}

  /** The ordinal, from 0, of the event that now came on this stream. */
  next(stream: string): number {
    const entry = this.seen.get(stream);
    if (entry !== undefined) return entry.count++;
    if (this.seen.size >= STREAMS_MOST) this.seen.delete(this.seen.keys().next().value!);
    this.seen.set(stream, { hash: hashText(stream, this.rule), count: 1 });
    return 0;
  }

  random(stream: string, ordinal: number): Random {
    return new Random(this.seen.get(stream)?.hash ?? hashText(stream, this.rule), ordinal);
  }
}
