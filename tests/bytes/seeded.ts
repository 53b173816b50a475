/** A small seeded generator for test inputs: the same seed, the same bytes. */
export function seeded(seed: number): { next(below: number): number; bytes(n: number): Buffer } {
  let state = seed | 0;
  const next = (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
  return { next, bytes: (n) => Buffer.from(Array.from({ length: n }, () => next(256))) };
}
