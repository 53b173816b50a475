/**
 * CRC32C (Castagnoli, as in iSCSI and Kafka's record batches) of `buf[start, end)`.
 *
 * A small WebAssembly module does it, sixteen bytes a step over sixteen tables ("slicing by 16"):
 * table k gives what a byte does to the checksum when k more bytes follow it in the step.
 * Bytes are copied into the module's memory a chunk at a time.
 */
export function crc32c(buf: Buffer, start = 0, end = buf.length): number {
  module ??= load();
  const { memory, update } = module;
  let crc = -1;
  for (let at = start; at < end; at += CHUNK) {
    const n = Math.min(CHUNK, end - at);
    buf.copy(memory, DATA, at, at + n);
    crc = update(crc, DATA, DATA + n);
  }
  return ~crc >>> 0;
}

const POLYNOMIAL = 0x82f63b78; // reflected
/** Sixteen tables of 256 words lie below. */
const DATA = 16 * 1024;
const CHUNK = 112 * 1024;
const PAGES = (DATA + CHUNK) / 65536;

let module: { memory: Uint8Array; update: (crc: number, at: number, end: number) => number } | undefined;

function load(): NonNullable<typeof module> {
  const { memory, update } = new WebAssembly.Instance(new WebAssembly.Module(assemble())).exports as {
    memory: WebAssembly.Memory;
    update: (crc: number, at: number, end: number) => number;
  };
  const tables = new Uint32Array(memory.buffer, 0, 16 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) tables[i] = tables[tables[i - 256]! & 0xff]! ^ (tables[i - 256]! >>> 8);
  return { memory: new Uint8Array(memory.buffer), update };
}

/** The module's bytes: one memory and `update(crc, at, end)`, written down opcode by opcode. */
function assemble(): Uint8Array<ArrayBuffer> {
  const CRC = 0, AT = 1, END = 2, WORD = 3, NEXT = 4;
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const tee = (local: number) => [0x22, local];
  const const_ = (n: number) => [0x41, ...leb(n)];
  const load32 = (offset: number) => [0x28, 2, ...uleb(offset)];
  const load8 = [0x2d, 0, 0];
  const and = 0x71, xor = 0x73, shl = 0x74, shrU = 0x76, add = 0x6a, leU = 0x4d, ltU = 0x49;
  const block = [0x02, 0x40], loop = [0x03, 0x40], end = 0x0b, eqz = 0x45;
  const br = (depth: number) => [0x0c, depth], brIf = (depth: number) => [0x0d, depth];

  // NEXT = table lookups of the sixteen bytes at AT, the first four of them xored with CRC
  const step: number[] = [];
  for (let word = 0; word < 4; word++) {
    step.push(...get(AT), ...load32(4 * word));
    if (word === 0) step.push(...get(CRC), xor);
    step.push(...set(WORD));
    for (let byte = 0; byte < 4; byte++) {
      const table = 15 - (4 * word + byte);
      step.push(...get(WORD));
      if (byte > 0) step.push(...const_(8 * byte), shrU);
      if (byte < 3) step.push(...const_(0xff), and);
      step.push(...const_(2), shl, ...load32(1024 * table));
      if (word + byte > 0) step.push(xor);
    }
  }

  const code = [
    // while AT + 16 <= END
    ...block, ...loop,
    ...get(AT), ...const_(16), add, ...tee(NEXT), ...get(END), leU, eqz, ...brIf(1),
    ...step, ...set(CRC),
    ...get(NEXT), ...set(AT), ...br(0),
    end, end,
    // the bytes left: CRC = table[(CRC ^ byte) & 0xff] ^ (CRC >>> 8)
    ...block, ...loop,
    ...get(AT), ...get(END), ltU, eqz, ...brIf(1),
    ...get(AT), ...load8, ...get(CRC), xor, ...const_(0xff), and, ...const_(2), shl, ...load32(0),
    ...get(CRC), ...const_(8), shrU, xor, ...set(CRC),
    ...get(AT), ...const_(1), add, ...set(AT), ...br(0),
    end, end,
    ...get(CRC),
    end,
  ];

  const section = (id: number, ...content: number[]) => [id, ...uleb(content.length), ...content];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  const i32 = 0x7f;
  const body = [1, 2, i32, ...code]; // two more locals
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 3, i32, i32, i32, 1, i32), // (i32, i32, i32) -> i32
    ...section(3, 1, 0),
    ...section(5, 1, 1, PAGES, PAGES),
    ...section(7, 2, ...name("memory"), 2, 0, ...name("update"), 0, 0),
    ...section(10, 1, ...uleb(body.length), ...body),
  ]);
}

function uleb(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...uleb(n >>> 7)];
}

function leb(n: number): number[] {
  return n >= -64 && n < 64 ? [n & 0x7f] : [(n & 0x7f) | 0x80, ...leb(n >> 7)];
}
