import { Writer } from "../../bytes/writer.ts";
import { type Address, Message } from "../model/message.ts";
import type { Properties } from "../model/properties.ts";
import type { Table } from "../model/values.ts";
import { writeShortstr } from "./codec.ts";
import { decodeProperties, encodeProperties, FLAG } from "./properties.ts";

/**
 * A message as AMQP 0-9-1 sends it: the property flags and values are an opaque view, the body is one view or
 * a list of them, and both go out again as they came in.
 */
export class Content extends Message {
  constructor(
    address: Address,
    /** Holds the properties in `[propsStart, propsEnd)`, and the body where `pieces` is null. */
    public buf: Buffer,
    public propsStart: number,
    public propsEnd: number,
    public bodyStart: number,
    readonly size: number,
    public pieces: readonly Buffer[] | null,
  ) {
    super(address);
  }

  /** Makes a message from its parts. */
  static of(address: Address, properties: Properties, body: Uint8Array): Content {
    const out = new Writer(64 + body.length);
    encodeProperties(properties, out);
    const propsEnd = out.pos;
    out.bytes(body);
    return new Content(address, out.buf, 0, propsEnd, propsEnd, body.length, null);
  }

  /** The first flag word of the properties. */
  get flags(): number {
    return (this.buf[this.propsStart]! << 8) | this.buf[this.propsStart + 1]!;
  }
  get hasHeaders(): boolean {
    return (this.flags & FLAG.headers) !== 0;
  }
  get hasExpiration(): boolean {
    return (this.flags & FLAG.expiration) !== 0;
  }
  get hasPriority(): boolean {
    return (this.flags & FLAG.priority) !== 0;
  }

  get mayHaveCopies(): boolean {
    const { buf, propsStart, propsEnd } = this;
    if (propsEnd - propsStart < 8) return false;
    // "CC" ends both names.
    for (let i = propsStart + 2; i < propsEnd - 2; i++) if (buf[i] === 0x43 && buf[i + 1] === 0x43) return true;
    return false;
  }

  properties(): Properties {
    return decodeProperties(this.buf, this.propsStart, this.propsEnd);
  }

  headers(): Table | null {
    return this.hasHeaders ? (this.properties().headers ?? null) : null;
  }

  body(): Buffer {
    if (this.pieces !== null) return Buffer.concat(this.pieces);
    return this.buf.subarray(this.bodyStart, this.bodyStart + this.size) as Buffer;
  }

  with(address: Address, properties: Properties, body: Uint8Array = this.body()): Content {
    return Content.of(address, properties, body);
  }

  /** A small view would pin a read of half a megabyte, so small messages move together into blocks. */
  keep(): void {
    const { buf } = this;
    const props = this.propsEnd - this.propsStart;
    const inline = this.pieces === null ? this.size : 0;
    const total = props + inline;
    if (this.pieces !== null) this.pieces = this.pieces.map(unpin);
    // Already in a block, or most of what it pins.
    if (buf.length <= BLOCK || total * 2 >= buf.length) return;
    if (total > LARGE) this.buf = Buffer.allocUnsafeSlow(total);
    else {
      if (used + total > BLOCK) {
        block = Buffer.allocUnsafeSlow(BLOCK);
        used = 0;
      }
      this.buf = block;
    }
    const at = total > LARGE ? 0 : used;
    buf.copy(this.buf, at, this.propsStart, this.propsEnd);
    if (inline > 0) buf.copy(this.buf, at + props, this.bodyStart, this.bodyStart + inline);
    if (total <= LARGE) used += total;
    this.propsStart = at;
    this.propsEnd = this.bodyStart = at + props;
  }
}

const BLOCK = 64 * 1024;
/** Above this a message has bytes of its own. */
const LARGE = BLOCK / 4;
/** The block now being filled; it lives until the last message in it is gone. */
let block: Buffer = Buffer.allocUnsafeSlow(BLOCK);
let used = 0;

/** A copy where the view is the smaller part of what it pins. */
function unpin(piece: Buffer): Buffer {
  return piece.length * 2 < piece.buffer.byteLength ? Buffer.from(piece) : piece;
}

/** What messages of no version, or of another one, are in this one; each is encoded once. */
const translated = new WeakMap<Message, Content>();

/** The message in this version: as a rule it came in it. */
export function contentOf(message: Message): Content {
  return message instanceof Content ? message : translate(message);
}

function translate(message: Message): Content {
  let content = translated.get(message);
  if (content === undefined) translated.set(message, (content = Content.of(message.address, message.properties(), message.body())));
  return content;
}

/** Exchange and routing key as two short strings: so they stand in `basic.publish`, `deliver`, `get-ok` and `return`. */
export function namesOf(address: Address): Buffer {
  return address.encoded ?? encodeNames(address);
}

function encodeNames(address: Address): Buffer {
  const out = new Writer(64);
  writeShortstr(out, address.exchange);
  writeShortstr(out, address.routingKey);
  return (address.encoded = out.toBuffer());
}
