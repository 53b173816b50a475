import { DecodeError } from "./reader.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/**
 * Walks the frames of `data` block by block (RFC 8878, 3.1) without decoding any, and throws a
 * DecodeError unless the last one ends exactly where `data` does.
 */
export function checkZstd(data: Uint8Array): void {
  const end = data.length;
  let pos = 0;
  const need = (n: number): number => {
    if (n > end - pos) throw new DecodeError(`zstd: short read: ${n} bytes wanted, ${end - pos} left`);
    const at = pos;
    pos += n;
    return at;
  };
  const u32 = (): number => {
    const at = need(4);
    return (data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)) >>> 0;
  };
  let frames = 0;
  do {
    const magic = u32();
    if (magic >>> 4 === SKIPPABLE >>> 4) {
      need(u32());
      continue;
    }
    if (magic !== MAGIC) throw new DecodeError("zstd: no frame where one should begin");
    frames++;
    const flags = data[need(1)]!;
    const single = (flags >> 5) & 1;
    const contentSize = [single, 2, 4, 8][flags >> 6]!;
    const dictionary = [0, 1, 2, 4][flags & 3]!;
    need((single ? 0 : 1) + dictionary + contentSize);
    for (let last = false; !last; ) {
      const at = need(3);
      const header = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
      last = (header & 1) === 1;
      const type = (header >> 1) & 3;
      if (type === 3) throw new DecodeError("zstd: reserved block type");
      need(type === 1 ? 1 : header >> 3); // type 1 repeats one byte
    }
    if (flags & 4) need(4);
  } while (pos < end);
  if (frames === 0) throw new DecodeError("zstd: no frame");
}
