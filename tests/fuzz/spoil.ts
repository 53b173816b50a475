import type { Random } from "../../src/hooks/random.ts";

/** Numbers on which lengths, counts and signs break. */
const EDGES = [0, 1, -1, -2, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 3_000_000, 0x7fff_ffff, -0x8000_0000];

/** Bytes that are no UTF-8, or none that a protocol takes: overlong, cut off, half a surrogate, NUL, beyond the last code point. */
const NO_TEXT = ["c080", "ff", "c3", "eda080", "00", "f4908080", "efbfbf"].map((hex) => Buffer.from(hex, "hex"));

type Spoil = (random: Random, frame: Buffer, others: readonly Buffer[]) => Buffer;

const flipBits: Spoil = (random, frame) => {
  for (let n = random.int(1, 8); n > 0; n--) frame[random.int(0, frame.length - 1)]! ^= 1 << random.int(0, 7);
  return frame;
};

const overwrite: Spoil = (random, frame) => {
  for (let n = random.int(1, 4); n > 0; n--) frame[random.int(0, frame.length - 1)] = random.int(0, 255);
  return frame;
};

/** A number of 1, 2, 4 or 8 bytes becomes one that announces too much, too little, nothing, or less than nothing. */
const writeEdge: Spoil = (random, frame) => {
  const width = random.pick([1, 2, 4, 4, 8]);
  if (frame.length < width) return frame;
  const edge = Buffer.alloc(8);
  edge.writeBigInt64BE(BigInt(random.pick(EDGES)));
  edge.copy(frame, random.int(0, frame.length - width), 8 - width);
  return frame;
};

/** A varint that does not end, or ends far too late. */
const endlessVarint: Spoil = (random, frame) => {
  const at = random.int(0, frame.length - 1);
  frame.fill(random.pick([0x80, 0xff]), at, Math.min(frame.length, at + random.int(2, 12)));
  return frame;
};

const noText: Spoil = (random, frame) => {
  const bytes = random.pick(NO_TEXT);
  bytes.copy(frame, random.int(0, Math.max(0, frame.length - bytes.length)));
  return frame;
};

const cutOff: Spoil = (random, frame) => frame.subarray(0, random.int(0, frame.length - 1)) as Buffer;

const cutOut: Spoil = (random, frame) => {
  const from = random.int(0, frame.length - 1);
  return Buffer.concat([frame.subarray(0, from), frame.subarray(from + random.int(1, 8))]);
};

const insert: Spoil = (random, frame) => {
  const at = random.int(0, frame.length);
  return Buffer.concat([frame.subarray(0, at), garbage(random, random.int(1, 16)), frame.subarray(at)]);
};

/** A part comes twice. */
const repeat: Spoil = (random, frame) => {
  const from = random.int(0, frame.length - 1);
  const until = random.int(from + 1, Math.min(frame.length, from + 64));
  return Buffer.concat([frame.subarray(0, until), frame.subarray(from, until), frame.subarray(until)]);
};

/** The beginning of one frame and the end of another. */
const splice: Spoil = (random, frame, others) => {
  const other = random.pick(others);
  return Buffer.concat([frame.subarray(0, random.int(0, frame.length)), other.subarray(random.int(0, other.length))]);
};

const replaceAll: Spoil = (random, frame) => garbage(random, random.int(0, Math.min(200, 2 * frame.length)));

const WAYS = [
  flipBits,
  flipBits,
  overwrite,
  writeEdge,
  writeEdge,
  endlessVarint,
  noText,
  cutOff,
  cutOut,
  insert,
  repeat,
  splice,
  replaceAll,
];

/** What becomes of a valid frame; never the frame itself, which is left as it is. */
export function spoil(random: Random, frame: Buffer, others: readonly Buffer[]): Buffer {
  for (;;) {
    let spoilt: Buffer = Buffer.from(frame);
    for (let n = random.chance(0.25) ? 2 : 1; n > 0 && spoilt.length > 0; n--) spoilt = random.pick(WAYS)(random, spoilt, others);
    if (!spoilt.equals(frame)) return spoilt;
  }
}

export function garbage(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = random.int(0, 255);
  return bytes;
}
