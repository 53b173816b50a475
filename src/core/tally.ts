/** What everything beyond the counted names is counted under. */
export const OTHER = "other";

/** Counts by name, for names that a client can make endless: beyond the first `most` they are counted together. */
export class Tally {
  readonly counts = new Map<string, number>();

  constructor(private readonly most = 1000) {}

  add(name: string, by: number): void {
    const key = this.counts.has(name) || this.counts.size < this.most ? name : OTHER;
    this.counts.set(key, (this.counts.get(key) ?? 0) + by);
  }
}
