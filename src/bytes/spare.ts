/**
 * Large buffers, used again once nobody reads them any more: fresh memory costs the machine more than
 * all that a broker does with it. Sizes are rounded up to whole steps.
 */
export const STEP = 64 * 1024;
const SPARE_MOST = 32 * 1024 * 1024;

const spare = new Map<number, Buffer[]>();
let spareBytes = 0;
const ours = new WeakSet<ArrayBufferLike>();

/** A buffer of at least `n` bytes, which hold anything. */
export function takeLarge(n: number): Buffer {
  const size = Math.ceil(n / STEP) * STEP;
  const found = spare.get(size)?.pop();
  if (found !== undefined) {
    spareBytes -= size;
    return found;
  }
  const fresh = Buffer.allocUnsafeSlow(size);
  ours.add(fresh.buffer);
  return fresh;
}

/** Frees the memory of a large read now, warm as it is for the next one, instead of when the collector comes; the caller knows that no view of it is left. */
export function free({ buffer, length }: Buffer): void {
  if (length >= STEP && length === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
}

/** Gives back what `takeLarge` made; the caller knows that no view of it is left. Other buffers are left to the collector. */
export function giveLarge(buffer: ArrayBufferLike): void {
  const size = buffer.byteLength;
  if (!ours.has(buffer) || spareBytes + size > SPARE_MOST) return;
  let list = spare.get(size);
  if (list === undefined) spare.set(size, (list = []));
  list.push(Buffer.from(buffer as ArrayBuffer));
  spareBytes += size;
}
