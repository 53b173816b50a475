import { assemble, type Crc32cModule } from "./crc32c-wasm.ts";

/**
 * CRC32C (Castagnoli, as in iSCSI and in Kafka's record batches) of `buf[start, end)`.
 *
 * Short input goes through tables, sixteen bytes a step. Long input is folded first: the polynomial
 * has a multiple of six terms, x^209 + x^144 + x^54 + x^39 + x^14 + 1, and its 32nd power has the
 * same terms 32 bits apart. So whatever four bytes say about the checksum can be said by those 65,
 * 155, 170, 195 and 209 words later: five XORs take them out of the message, sixteen bytes at a time,
 * and only the last 209 words are left for the tables.
 */
export function crc32c(buf: Buffer, start = 0, end = buf.length): number {
  module ??= load();
  const { memory, update, fold, add } = module;
  let at = start;
  if (end - at < FOLD_FROM) {
    buf.copy(memory, DATA, at, end);
    return ~update(-1, DATA, DATA + end - at) >>> 0;
  }
  // What was taken out before the first byte: nothing.
  memory.fill(0, DATA - WINDOW, DATA);
  for (let first = true; ; first = false) {
    const left = end - at;
    // The last piece has to hold the window.
    const n = left > CHUNK ? Math.min(CHUNK, (left - WINDOW) & ~15) : left;
    buf.copy(memory, DATA, at, at + n);
    if (first) for (let i = 0; i < 4; i++) memory[DATA + i]! ^= 0xff; // a checksum begins with ones
    at += n;
    if (at === end) {
      const rest = DATA + ((n - WINDOW) & ~15);
      fold(DATA, rest);
      for (const distance of DISTANCES) add(rest, rest + distance, distance);
      return ~update(0, rest, DATA + n) >>> 0;
    }
    fold(DATA, DATA + n);
    memory.copyWithin(DATA - WINDOW, DATA + n - WINDOW, DATA + n);
  }
}

const POLYNOMIAL = 0x82f63b78; // reflected: the first bit is the lowest
/** Bytes from a word to those that take its part over. */
const DISTANCES = [65 * 4, 155 * 4, 170 * 4, 195 * 4, 209 * 4] as const;
const WINDOW = DISTANCES[4];
const FOLD_FROM = 2 * WINDOW;
/** The module's memory: sixteen tables of 256 words, a window, a chunk. */
const TABLES = 16 * 256;
const DATA = 4 * TABLES + 1024;
const CHUNK = 3 * 32 * 1024;

let module: ({ memory: Buffer } & Omit<Crc32cModule, "memory">) | undefined;

function load(): NonNullable<typeof module> {
  const { memory, ...functions } = new WebAssembly.Instance(
    new WebAssembly.Module(assemble(DISTANCES, Math.ceil((DATA + CHUNK) / 65536))),
  ).exports as unknown as Crc32cModule;
  const tables = new Uint32Array(memory.buffer, 0, TABLES);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < TABLES; i++) tables[i] = tables[tables[i - 256]! & 0xff]! ^ (tables[i - 256]! >>> 8);
  return { memory: Buffer.from(memory.buffer), ...functions };
}
