/** What the WebAssembly module of crc32c.ts exports. Addresses are in bytes of `memory`. */
export interface Crc32cModule {
  readonly memory: WebAssembly.Memory;
  /** The checksum after the bytes from `at` to `end`, by the tables at address 0; table k says what a byte does when k more follow it. */
  update(crc: number, at: number, end: number): number;
  /** Every sixteen bytes from `at` to `end` take over the part of those at all the distances before them. */
  fold(at: number, end: number): void;
  /** What follows `at` takes over the part of what is before it. */
  settle(at: number): void;
}

/** The module's bytes, written down opcode by opcode. */
export function assemble(distances: readonly number[], pages: number): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...content: number[]) => [id, ...uleb(content.length), ...content];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  const body = (locals: number[], code: number[]) => [...uleb(locals.length + code.length), ...locals, ...code];
  const folding = fold(distances);
  return new Uint8Array([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, 3, 0x60, 3, I32, I32, I32, 1, I32, 0x60, 2, I32, I32, 0, 0x60, 1, I32, 0),
    ...section(3, 3, 0, 1, 2),
    ...section(5, 1, 1, pages, pages),
    ...section(7, 4, ...name("memory"), 2, 0, ...name("update"), 0, 0, ...name("fold"), 0, 1, ...name("settle"), 0, 2),
    ...section(
      10,
      3,
      ...body([1, 1, I32], update()),
      ...body([1, folding.locals, V128], folding.code),
      ...body([1, 2, I32], settle(distances)),
    ),
  ]);
}

const I32 = 0x7f,
  V128 = 0x7b;
/** Bytes of a step. */
const STEP = 16;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const const_ = (n: number) => [0x41, ...leb(n)];
const load32 = (offset: number) => [0x28, 2, ...uleb(offset)];
const store32 = [0x36, 2, 0];
const load8 = [0x2d, 0, 0];
const load128 = (offset: number) => [0xfd, 0x00, 4, ...uleb(offset)];
const store128 = (offset: number) => [0xfd, 0x0b, 4, ...uleb(offset)];
const xor128 = [0xfd, 0x51];
const and = 0x71,
  xor = 0x73,
  shl = 0x74,
  shrU = 0x76,
  add32 = 0x6a,
  sub32 = 0x6b,
  leU = 0x4d,
  eqz = 0x45,
  end = 0x0b;

/** Runs `step` while AT + n <= END, and AT moves on by n. */
function whileRoom(at: number, last: number, n: number, step: number[]): number[] {
  return [
    0x02,
    0x40,
    0x03,
    0x40, // block, loop
    ...get(at),
    ...const_(n),
    add32,
    ...get(last),
    leU,
    eqz,
    0x0d,
    1, // br_if out of the block
    ...step,
    ...get(at),
    ...const_(n),
    add32,
    ...set(at),
    0x0c,
    0, // br to the loop
    end,
    end,
  ];
}

function update(): number[] {
  const CRC = 0,
    AT = 1,
    END = 2,
    WORD = 3;
  const sixteen: number[] = [];
  // The word that waits for the step before comes last.
  for (const word of [1, 2, 3, 0]) {
    sixteen.push(...get(AT), ...load32(4 * word));
    if (word === 0) sixteen.push(...get(CRC), xor);
    sixteen.push(...set(WORD));
    for (let byte = 0; byte < 4; byte++) {
      // Four times the byte: where its word lies in the table.
      sixteen.push(...get(WORD), ...(byte === 0 ? [...const_(2), shl] : [...const_(8 * byte - 2), shrU]), ...const_(0x3fc), and);
      sixteen.push(...load32(1024 * (15 - (4 * word + byte))));
      if (word !== 1 || byte > 0) sixteen.push(xor);
    }
  }
  // CRC = table[(CRC ^ byte) & 0xff] ^ (CRC >>> 8)
  const one = [
    ...get(AT),
    ...load8,
    ...get(CRC),
    xor,
    ...const_(0xff),
    and,
    ...const_(2),
    shl,
    ...load32(0),
    ...get(CRC),
    ...const_(8),
    shrU,
    xor,
    ...set(CRC),
  ];
  return [...whileRoom(AT, END, 16, [...sixteen, ...set(CRC)]), ...whileRoom(AT, END, 1, one), ...get(CRC), end];
}

/**
 * Distances as far apart as a step is long share their loads: what one loads, the next one takes in
 * the step after. They are given as runs of such, each by its first distance and its length.
 */
function runs(distances: readonly number[]): { first: number; length: number }[] {
  return distances
    .filter((distance) => !distances.includes(distance - STEP))
    .map((first) => {
      let length = 1;
      while (distances.includes(first + length * STEP)) length++;
      return { first, length };
    });
}

function fold(distances: readonly number[]): { locals: number; code: number[] } {
  const AT = 0,
    END = 1;
  const furthest = Math.max(...distances);
  const sets = runs(distances);
  // Locals: what the run loaded in this step and in those before, newest first.
  let locals = 2;
  const places = sets.map(({ length }) => {
    const first = locals;
    locals += length > 1 ? length : 0;
    return Array.from({ length }, (_, i) => first + i);
  });
  const before = (distance: number, at: number) => [...get(AT), ...load128(furthest - distance + at)];
  const step = (at: number) => [
    ...get(AT), // for the store
    ...get(AT),
    ...load128(furthest + at),
    ...sets.flatMap(({ first, length }, i) => {
      if (length === 1) return [...before(first, at), ...xor128];
      const [newest, ...older] = places[i]!;
      return [
        ...before(first, at),
        ...tee(newest!),
        ...xor128,
        ...older.flatMap((local) => [...get(local), ...xor128]),
        ...places[i]!.slice(1)
          .reverse()
          .flatMap((local) => [...get(local - 1), ...set(local)]),
      ];
    }),
    ...store128(furthest + at),
  ];
  // Offsets cannot be negative: AT and END move back by the largest distance. No distance is below 64.
  const code = [
    ...get(AT),
    ...const_(furthest),
    sub32,
    ...set(AT),
    ...get(END),
    ...const_(furthest),
    sub32,
    ...set(END),
    ...sets.flatMap(({ first, length }, i) =>
      Array.from({ length: length - 1 }, (_, n) => [...before(first + (n + 1) * STEP, 0), ...set(places[i]![n + 1]!)]).flat(),
    ),
    ...whileRoom(AT, END, 64, [0, 16, 32, 48].flatMap(step)),
    ...whileRoom(AT, END, STEP, step(0)),
    end,
  ];
  return { locals: locals - 2, code };
}

function settle(distances: readonly number[]): number[] {
  const FROM = 0,
    AT = 1,
    END = 2;
  return [
    ...distances.flatMap((distance) => {
      const more = (load: (offset: number) => number[], xor: number[], store: number[]) => [
        ...get(AT),
        ...get(AT),
        ...load(0),
        ...get(AT),
        ...const_(distance),
        sub32,
        ...load(0),
        ...xor,
        ...store,
      ];
      return [
        ...get(FROM),
        ...set(AT),
        ...get(FROM),
        ...const_(distance),
        add32,
        ...set(END),
        ...whileRoom(AT, END, STEP, more(load128, xor128, store128(0))),
        ...whileRoom(AT, END, 4, more(load32, [xor], store32)),
      ];
    }),
    end,
  ];
}

function uleb(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...uleb(n >>> 7)];
}

function leb(n: number): number[] {
  return n >= -64 && n < 64 ? [n & 0x7f] : [(n & 0x7f) | 0x80, ...leb(n >> 7)];
}
