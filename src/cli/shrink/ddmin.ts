/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002):
 * a smallest part of `items` of which no single one can be left out.
 *
 * `breaks` runs with some of the items and answers which of them took part when it still breaks, or
 * null when it does not. It is never asked about the same part twice, nor about nothing at all.
 */
export async function ddmin<T>(items: readonly T[], breaks: (part: T[]) => Promise<T[] | null>): Promise<T[]> {
  const index = new Map(items.map((item, i) => [item, i]));
  const passed = new Set<string>();
  const ask = async (part: T[]): Promise<T[] | null> => {
    const key = part.map((item) => index.get(item)).join();
    if (part.length === 0 || passed.has(key)) return null;
    const left = await breaks(part);
    if (left === null) passed.add(key);
    return left;
  };

  let left = [...items];
  let parts = 2;
  search: while (left.length > 1) {
    const size = Math.ceil(left.length / parts);
    const chunks = Array.from({ length: Math.ceil(left.length / size) }, (_, i) => left.slice(i * size, (i + 1) * size));
    for (const chunk of chunks) {
      const fewer = await ask(chunk);
      if (fewer !== null) {
        left = fewer;
        parts = 2;
        continue search;
      }
    }
    // Of two chunks each is the other's complement.
    for (const chunk of chunks.length > 2 ? chunks : []) {
      const fewer = await ask(left.filter((item) => !chunk.includes(item)));
      if (fewer !== null) {
        left = fewer;
        parts = Math.max(2, chunks.length - 1);
        continue search;
      }
    }
    if (size === 1) break;
    parts = Math.min(left.length, 2 * parts);
  }
  return left;
}
