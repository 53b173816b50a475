import { DecodeError, type Reader } from "../../bytes/reader.ts";
import type { Writer } from "../../bytes/writer.ts";
import { Table } from "../model/values.ts";
import { bytesOf, FieldTable } from "./fields.ts";
import { type Args, type ArgsOut, type ArgType, type MethodName, specOf } from "./methods.ts";

type Values = Record<string, unknown>;
interface Codec {
  decode(reader: Reader): Values;
  encode(out: Writer, values: Values): void;
}
type Step = { readonly read: (reader: Reader, into: Values) => void; readonly write: (out: Writer, from: Values) => void };

/** RabbitMQ's word for it, which it sends to the client. */
export const MALFORMED = "Malformed UTF-8 in shortstr";
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of at most 255 bytes. RabbitMQ refuses what is not UTF-8, so a name is what it was on the wire. */
export function readShortstr(reader: Reader): string {
  const size = reader.u8();
  const start = reader.take(size);
  const { buf, pos: end } = reader;
  let text = "";
  for (let i = start; i < end; i++) {
    const byte = buf[i]!;
    if (byte >= 0x80) {
      try {
        return strict.decode(buf.subarray(start, end));
      } catch {
        throw new DecodeError(MALFORMED);
      }
    }
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Throws RangeError when the text takes more than 255 bytes. */
export function writeShortstr(out: Writer, text: string): void {
  const size = Buffer.byteLength(text);
  if (size > 255) throw new RangeError(`a short string of ${size} bytes: at most 255`);
  out.u8(size);
  out.utf8(text);
}

/** A whole number of up to 2^64, exact up to 2^53. */
export function readLonglong(reader: Reader): number {
  const high = reader.u32();
  return high * 0x1_0000_0000 + reader.u32();
}

const TYPES: { [T in Exclude<ArgType, "bit">]: { read: (reader: Reader) => unknown; write: (out: Writer, value: any) => void } } = {
  octet: { read: (r) => r.u8(), write: (w, v = 0) => w.u8(v) },
  short: { read: (r) => r.u16(), write: (w, v = 0) => w.u16(v) },
  long: { read: (r) => r.u32(), write: (w, v = 0) => w.u32(v) },
  longlong: { read: readLonglong, write: (w, v = 0) => w.i64n(v) },
  timestamp: { read: readLonglong, write: (w, v = 0) => w.i64n(v) },
  shortstr: { read: readShortstr, write: (w, v = "") => writeShortstr(w, v) },
  longstr: {
    read: (r) => r.view(r.u32()),
    write(w, v) {
      w.u32(v?.length ?? 0);
      if (v) w.bytes(v);
    },
  },
  table: {
    read: (r) => new FieldTable(r.view(r.u32())),
    write(w, v = Table.EMPTY) {
      const bytes = bytesOf(v);
      w.u32(bytes.length);
      w.bytes(bytes);
    },
  },
};

/** Up to eight bits that follow each other lie in one octet, the first one lowest. */
function bits(names: readonly string[]): Step {
  return {
    read(reader, into) {
      const octet = reader.u8();
      for (let i = 0; i < names.length; i++) into[names[i]!] = (octet & (1 << i)) !== 0;
    },
    write(out, from) {
      let octet = 0;
      for (let i = 0; i < names.length; i++) if (from[names[i]!]) octet |= 1 << i;
      out.u8(octet);
    },
  };
}

function compile(name: MethodName): Codec {
  const steps: Step[] = [];
  let pending: string[] = [];
  const settle = () => {
    for (; pending.length > 0; pending = pending.slice(8)) steps.push(bits(pending.slice(0, 8)));
  };
  for (const [key, type] of Object.entries(specOf(name).args)) {
    if (type === "bit") {
      pending.push(key);
      continue;
    }
    settle();
    const { read, write } = TYPES[type];
    steps.push({ read: (reader, into) => void (into[key] = read(reader)), write: (out, from) => write(out, from[key]) });
  }
  settle();
  return {
    decode(reader) {
      const values: Values = {};
      for (const step of steps) step.read(reader, values);
      if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes after the last argument`);
      return values;
    },
    encode(out, values) {
      for (const step of steps) step.write(out, values);
    },
  };
}

const codecs = new Map<MethodName, Codec>();
function codecOf(name: MethodName): Codec {
  let codec = codecs.get(name);
  if (codec === undefined) codecs.set(name, (codec = compile(name)));
  return codec;
}

/** Reads the arguments of `name`, all that is left in the reader. Throws DecodeError with the method in its path. */
export function decodeArgs<N extends MethodName>(name: N, reader: Reader): Args<N> {
  try {
    return codecOf(name).decode(reader) as Args<N>;
  } catch (error) {
    throw error instanceof DecodeError ? error.at(name) : error;
  }
}

/** Writes the arguments of `name`, without ids and frame. */
export function encodeArgs<N extends MethodName>(name: N, args: ArgsOut<N>, out: Writer): void {
  codecOf(name).encode(out, args);
}
