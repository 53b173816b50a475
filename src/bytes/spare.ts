/**
 * Large buffers, used again once nobody reads them any more: fresh memory costs the machine more than
 * all that a broker does with it. Sizes are rounded up to whole steps.
 */
export const STEP = 64 * 1024;
const SPARE_MOST = 32 * 1024 * 1024;

/** By size; the size that was wanted last comes last. */
const spare = new Map<number, Buffer[]>();
let spareBytes = 0;
const ours = new WeakSet<ArrayBufferLike>();

/** A buffer of at least `n` bytes, which hold anything. */
export function takeLarge(n: number): Buffer {
  const size = Math.ceil(n / STEP) * STEP;
  const found = wanted(size).pop();
  if (found !== undefined) {
    spareBytes -= size;
    return found;
  }
  const fresh = Buffer.allocUnsafeSlow(size);
  ours.add(fresh.buffer);
  return fresh;
}

/**
 * Frees the memory of a large read now, warm as it is for the next one, instead of when the collector comes; the
 * caller knows that no view of it is left.
 */
export function free({ buffer, length }: Buffer): void {
  if (length >= STEP && length === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
}

/** Gives back what `takeLarge` made; the caller knows that no view of it is left. Other buffers are left to the collector. */
export function giveLarge(buffer: ArrayBufferLike): void {
  if (!ours.has(buffer)) return;
  const size = buffer.byteLength;
  const bytes = Buffer.from(buffer as ArrayBuffer);
  if (size <= SPARE_MOST) makeRoom(size);
  if (spareBytes + size > SPARE_MOST) return free(bytes);
  let list = spare.get(size);
  if (list === undefined) spare.set(size, (list = []));
  list.push(bytes);
  spareBytes += size;
}

/** Those of a size that is wanted now. */
function wanted(size: number): Buffer[] {
  const list = spare.get(size) ?? [];
  spare.delete(size);
  spare.set(size, list);
  return list;
}

/** Sizes that nobody wants any more give way to one that is in use. */
function makeRoom(size: number): void {
  for (const [other, list] of spare) {
    if (other === size || spareBytes + size <= SPARE_MOST) return;
    while (list.length > 0 && spareBytes + size > SPARE_MOST) {
      free(list.pop()!);
      spareBytes -= other;
    }
    if (list.length === 0) spare.delete(other);
  }
}
