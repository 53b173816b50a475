import { assemble, type Crc32cModule } from "./crc32c-wasm.ts";

/**
 * CRC32C (Castagnoli, as in iSCSI and in Kafka's record batches) of `buf[start, end)`.
 *
 * Short input goes through tables, sixteen bytes a step. Long input is folded first: the polynomial
 * has a multiple of eight terms, x^104 + x^57 + x^53 + x^49 + x^19 + x^14 + x^4 + 1, and its 32nd
 * power has the same terms 32 bits apart. So whatever four bytes say about the checksum can be said
 * by those 47, 51, 55, 85, 90, 100 and 104 words later: XORs take them out of the message, sixteen
 * bytes at a time, and only the last 104 words are left for the tables. Multiples of six terms begin
 * at x^209; of those of eight this one has four neighbours four words apart, which share their loads.
 */
export function crc32c(buf: Buffer, start = 0, end = buf.length): number {
  module ??= load();
  const { memory, update, fold, settle } = module;
  let at = start;
  if (end - at < FOLD_FROM) {
    buf.copy(memory, DATA, at, end);
    return ~update(-1, DATA, DATA + end - at) >>> 0;
  }
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
      settle(rest);
      // Before the first byte of the next message nothing was taken out.
      if (!first) memory.fill(0, DATA - WINDOW, DATA);
      return ~update(0, rest, DATA + n) >>> 0;
    }
    fold(DATA, DATA + n);
    memory.copyWithin(DATA - WINDOW, DATA + n - WINDOW, DATA + n);
  }
}

const POLYNOMIAL = 0x82f63b78; // reflected: the first bit is the lowest
/** Bytes from a word to those that take its part over. */
const DISTANCES = [47, 51, 55, 85, 90, 100, 104].map((words) => words * 4);
const WINDOW = Math.max(...DISTANCES);
const FOLD_FROM = 2 * WINDOW;
/** The module's memory: sixteen tables of 256 words, a window, a chunk. */
const TABLES = 16 * 256;
const DATA = 4 * TABLES + 1024;
const CHUNK = 3 * 32 * 1024;

let module: ({ memory: Buffer } & Omit<Crc32cModule, "memory">) | undefined;

function load(): NonNullable<typeof module> {
  const { memory, ...functions } = new WebAssembly.Instance(new WebAssembly.Module(assemble(DISTANCES, Math.ceil((DATA + CHUNK) / 65536))))
    .exports as unknown as Crc32cModule;
  const tables = new Uint32Array(memory.buffer, 0, TABLES);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < TABLES; i++) tables[i] = tables[tables[i - 256]! & 0xff]! ^ (tables[i - 256]! >>> 8);
  return { memory: Buffer.from(memory.buffer), ...functions };
}
