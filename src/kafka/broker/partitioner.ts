/** The partition that Kafka's clients choose for a key: murmur2 of it, sign bit off. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions;
}

/** MurmurHash2 with the seed of Kafka's clients. */
function murmur2(bytes: Uint8Array): number {
  const M = 0x5bd1e995;
  const n = bytes.length;
  let hash = 0x9747b28c ^ n;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    let word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    word = Math.imul(word, M);
    word ^= word >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(word, M);
  }
  const left = n - i;
  if (left === 3) hash ^= bytes[i + 2]! << 16;
  if (left >= 2) hash ^= bytes[i + 1]! << 8;
  if (left >= 1) hash = Math.imul(hash ^ bytes[i]!, M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}
