const P1 = 0x9e3779b1,
  P2 = 0x85ebca77,
  P3 = 0xc2b2ae3d,
  P4 = 0x27d4eb2f,
  P5 = 0x165667b1;

/** xxHash32 of `data[start, end)` with seed 0, unsigned: the checksum of LZ4 frames. */
export function xxh32(data: Uint8Array, start: number, end: number): number {
  const { imul } = Math;
  let pos = start;
  let hash: number;
  if (end - pos >= 16) {
    let a = (P1 + P2) | 0,
      b = P2 | 0,
      c = 0,
      d = -P1 | 0;
    for (const stop = end - 16; pos <= stop; pos += 16) {
      a = imul(rotl((a + imul(u32(data, pos), P2)) | 0, 13), P1);
      b = imul(rotl((b + imul(u32(data, pos + 4), P2)) | 0, 13), P1);
      c = imul(rotl((c + imul(u32(data, pos + 8), P2)) | 0, 13), P1);
      d = imul(rotl((d + imul(u32(data, pos + 12), P2)) | 0, 13), P1);
    }
    hash = (rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)) | 0;
  } else hash = P5 | 0;
  hash = (hash + (end - start)) | 0;
  for (; pos + 4 <= end; pos += 4) hash = imul(rotl((hash + imul(u32(data, pos), P3)) | 0, 17), P4);
  for (; pos < end; pos++) hash = imul(rotl((hash + imul(data[pos]!, P5)) | 0, 11), P1);
  hash = imul(hash ^ (hash >>> 15), P2);
  hash = imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotl(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function u32(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
}
