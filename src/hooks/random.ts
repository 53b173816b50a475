/**
 * Seeded draws. A draw is a hash of (seed, rule, stream, ordinal, index) and never the next number
 * of a shared generator: what happens to the n-th record of a topic does not depend on how the
 * sockets interleave.
 */

/** Two independent 32-bit hashes of a text. */
export interface Hash {
  a: number;
  b: number;
}

const mix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

export function hashText(text: string, from: Hash = { a: 0x811c_9dc5, b: 0x9e37_79b9 }): Hash {
  let { a, b } = from;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x0100_0193);
    b = Math.imul(b ^ code, 0x85eb_ca77);
    b = (b << 13) | (b >>> 19);
  }
  return { a: mix(a ^ text.length), b: mix(b + text.length) };
}

/** The seed and a rule's name, hashed once; streams are hashed on top of it. */
export function hashRule(seed: number, rule: string): Hash {
  return hashText(rule, hashText(`seed ${seed}`));
}

/** What a hook draws from: always the same for the same seed, rule, stream and ordinal. */
export class Random {
  private index = 0;
  constructor(
    private readonly key: Hash,
    private readonly ordinal: number,
  ) {}

  /** A number from 0 up to but without 1, with 53 random bits. */
  next(): number {
    const i = this.index++;
    const low = mix(this.key.a + Math.imul(this.ordinal, 0x9e37_79b1) + Math.imul(i, 0x2545_f491));
    const high = mix(this.key.b ^ mix(low + this.ordinal) ^ Math.imul(i + 1, 0x27d4_eb2f));
    return ((high >>> 5) * 0x400_0000 + (low >>> 6)) / 0x20_0000_0000_0000;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  /** A number from `low` up to but without `high`. */
  float(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** One of the items, each as likely. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("pick from an empty list");
    return items[Math.floor(this.next() * items.length)]!;
  }
}

/** A seed for those who gave none: printed at start, so that the run can be repeated. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 0x1_0000_0000);
}
