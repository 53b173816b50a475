import { distance } from "fastest-levenshtein";

/** The word of `known` that `word` most likely meant; null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  // Somebody who cuts a word short means the only one that begins so.
  const begun = word.length < 3 ? [] : known.filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase()));
  if (begun.length === 1) return begun[0]!;
  let best: string | null = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** All of `known`, or of many those that are least unlike `word`, the nearest first. */
export function nearestFew(word: string, known: readonly string[], most: number): string[] {
  if (known.length <= most) return [...known];
  const far = new Map(known.map((one) => [one, distance(word.toLowerCase(), one.toLowerCase())]));
  return [...new Set(known)].sort((a, b) => far.get(a)! - far.get(b)!).slice(0, most);
}
