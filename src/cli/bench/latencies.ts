/** Every latency that was seen: percentiles are exact. */
export class Latencies {
  private values = new Float64Array(1 << 16);
  private sorted = true;
  count = 0;

  add(ms: number): void {
    if (this.count === this.values.length) {
      const grown = new Float64Array(2 * this.count);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.count++] = ms;
    this.sorted = false;
  }

  /** What a share of all are at or below; null when there are none. */
  percentile(share: number): number | null {
    if (this.count === 0) return null;
    if (!this.sorted) this.values.subarray(0, this.count).sort();
    this.sorted = true;
    return this.values[Math.min(this.count - 1, Math.max(0, Math.ceil(share * this.count) - 1))]!;
  }
}
