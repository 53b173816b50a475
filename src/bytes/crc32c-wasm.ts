/** What the WebAssembly module of crc32c.ts exports. Addresses are in bytes of `memory`. */
export interface Crc32cModule {
  readonly memory: WebAssembly.Memory;
  /** The checksum after the bytes from `at` to `end`, by the tables at address 0; table k says what a byte does when k more follow it. */
  update(crc: number, at: number, end: number): number;
  /** Every sixteen bytes from `at` to `end` take over the part of those at all the distances before them. */
  fold(at: number, end: number): void;
  /** The same for one distance; all three are multiples of four. */
  add(at: number, end: number, distance: number): void;
}

/** The module's bytes, written down opcode by opcode. */
export function assemble(distances: readonly number[], pages: number): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...content: number[]) => [id, ...uleb(content.length), ...content];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  const body = (locals: number[], code: number[]) => [...uleb(locals.length + code.length), ...locals, ...code];
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 3, 0x60, 3, I32, I32, I32, 1, I32, 0x60, 2, I32, I32, 0, 0x60, 3, I32, I32, I32, 0),
    ...section(3, 3, 0, 1, 2),
    ...section(5, 1, 1, pages, pages),
    ...section(7, 4, ...name("memory"), 2, 0, ...name("update"), 0, 0, ...name("fold"), 0, 1, ...name("add"), 0, 2),
    ...section(10, 3, ...body([1, 1, I32], update()), ...body([0], fold(distances)), ...body([0], add())),
  ]);
}

const I32 = 0x7f;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const const_ = (n: number) => [0x41, ...leb(n)];
const load32 = (offset: number) => [0x28, 2, ...uleb(offset)];
const store32 = [0x36, 2, 0];
const load8 = [0x2d, 0, 0];
const load128 = (offset: number) => [0xfd, 0x00, 4, ...uleb(offset)];
const store128 = (offset: number) => [0xfd, 0x0b, 4, ...uleb(offset)];
const xor128 = [0xfd, 0x51];
const and = 0x71, xor = 0x73, shl = 0x74, shrU = 0x76, add32 = 0x6a, sub32 = 0x6b, leU = 0x4d, eqz = 0x45, end = 0x0b;

/** Runs `step` while AT + n <= END, and AT moves on by n. */
function whileRoom(at: number, last: number, n: number, step: number[]): number[] {
  return [
    0x02, 0x40, 0x03, 0x40, // block, loop
    ...get(at), ...const_(n), add32, ...get(last), leU, eqz, 0x0d, 1, // br_if out of the block
    ...step,
    ...get(at), ...const_(n), add32, ...set(at), 0x0c, 0, // br to the loop
    end, end,
  ];
}

function update(): number[] {
  const CRC = 0, AT = 1, END = 2, WORD = 3;
  const sixteen: number[] = [];
  for (let word = 0; word < 4; word++) {
    sixteen.push(...get(AT), ...load32(4 * word));
    if (word === 0) sixteen.push(...get(CRC), xor);
    sixteen.push(...set(WORD));
    for (let byte = 0; byte < 4; byte++) {
      sixteen.push(...get(WORD));
      if (byte > 0) sixteen.push(...const_(8 * byte), shrU);
      if (byte < 3) sixteen.push(...const_(0xff), and);
      sixteen.push(...const_(2), shl, ...load32(1024 * (15 - (4 * word + byte))));
      if (word + byte > 0) sixteen.push(xor);
    }
  }
  // CRC = table[(CRC ^ byte) & 0xff] ^ (CRC >>> 8)
  const one = [
    ...get(AT), ...load8, ...get(CRC), xor, ...const_(0xff), and, ...const_(2), shl, ...load32(0),
    ...get(CRC), ...const_(8), shrU, xor, ...set(CRC),
  ];
  return [...whileRoom(AT, END, 16, [...sixteen, ...set(CRC)]), ...whileRoom(AT, END, 1, one), ...get(CRC), end];
}

function fold(distances: readonly number[]): number[] {
  const AT = 0, END = 1;
  const furthest = Math.max(...distances);
  const sixteen = (at: number) => [
    ...get(AT), // for the store
    ...get(AT), ...load128(furthest + at),
    ...distances.flatMap((distance) => [...get(AT), ...load128(furthest - distance + at), ...xor128]),
    ...store128(furthest + at),
  ];
  // Offsets cannot be negative: AT and END move back by the largest distance. No distance is below 64.
  return [
    ...get(AT), ...const_(furthest), sub32, ...set(AT),
    ...get(END), ...const_(furthest), sub32, ...set(END),
    ...whileRoom(AT, END, 64, [0, 16, 32, 48].flatMap(sixteen)),
    ...whileRoom(AT, END, 16, sixteen(0)),
    end,
  ];
}

function add(): number[] {
  const AT = 0, END = 1, DISTANCE = 2;
  const sixteen = [
    ...get(AT), ...get(AT), ...load128(0), ...get(AT), ...get(DISTANCE), sub32, ...load128(0), ...xor128, ...store128(0),
  ];
  const four = [...get(AT), ...get(AT), ...load32(0), ...get(AT), ...get(DISTANCE), sub32, ...load32(0), xor, ...store32];
  return [...whileRoom(AT, END, 16, sixteen), ...whileRoom(AT, END, 4, four), end];
}

function uleb(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...uleb(n >>> 7)];
}

function leb(n: number): number[] {
  return n >= -64 && n < 64 ? [n & 0x7f] : [(n & 0x7f) | 0x80, ...leb(n >> 7)];
}
