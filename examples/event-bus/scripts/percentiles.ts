/** Milliseconds that were measured, and what they were like. */
export class Percentiles {
  private values: number[] = [];

  add(ms: number): void {
    this.values.push(ms);
  }

  get count(): number {
    return this.values.length;
  }

  toString(): string {
    if (this.values.length === 0) return "nothing measured";
    const sorted = Float64Array.from(this.values).sort();
    const at = (share: number): string => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
    return `p50 ${at(0.5)} ms  p90 ${at(0.9)} ms  p99 ${at(0.99)} ms  p99.9 ${at(0.999)} ms  max ${sorted.at(-1)!.toFixed(1)} ms  (${sorted.length})`;
  }
}
