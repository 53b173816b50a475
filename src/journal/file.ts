import { decodeMulti, encode } from "@msgpack/msgpack";
import { formatLine, parseJournal, type JournalLine } from "./journal.ts";

/** How a journal lies in a file. */
export interface JournalFormat {
  /** The bytes of one line. */
  line(line: JournalLine): Uint8Array;
  parse(bytes: Uint8Array): JournalLine[];
}

const json: JournalFormat = {
  line: (line) => Buffer.from(`${formatLine(line)}\n`),
  parse: (bytes) => parseJournal(Buffer.from(bytes).toString()),
};

/** One MessagePack object after the other, with what JSON lines hold, so that one form can be turned into the other. */
const messagePack: JournalFormat = {
  line: (line) => encode(JSON.parse(formatLine(line))),
  parse: (bytes) => parseJournal([...decodeMulti(bytes)].map((line) => JSON.stringify(line)).join("\n")),
};

/** By the file's ending: MessagePack for `.msgpack`, else JSON lines. */
export function journalFormat(path: string): JournalFormat {
  return path.endsWith(".msgpack") ? messagePack : json;
}
