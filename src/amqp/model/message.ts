import { Writer } from "../../bytes/writer.ts";
import { writeShortstr } from "../v091/codec.ts";
import type { FieldTable } from "../v091/fields.ts";
import { type BasicProperties, decodeProperties, encodeProperties, FLAG } from "../v091/properties.ts";

/** Where a message was sent. Shared by all that go there one after the other. */
export class Address {
  /** Exchange and routing key as two short strings: so they stand in `basic.publish`, `deliver`, `get-ok` and `return`. */
  readonly names: Buffer;

  /** Throws RangeError for names of more than 255 bytes. */
  constructor(
    readonly exchange: string,
    readonly routingKey: string,
  ) {
    const out = new Writer(64);
    writeShortstr(out, exchange);
    writeShortstr(out, routingKey);
    this.names = out.toBuffer();
  }
}

/**
 * A message as the broker carries it: the property flags and values are an opaque view, the body is
 * one view or a list of them, and both go out again as they came in. AMQP 0-9-1's properties are the
 * common tongue of all dialects.
 */
export class Message {
  constructor(
    readonly address: Address,
    /** Holds the properties in `[propsStart, propsEnd)`, and the body where `pieces` is null. */
    public buf: Buffer,
    public propsStart: number,
    public propsEnd: number,
    public bodyStart: number,
    /** The body's bytes, all of them. */
    readonly size: number,
    public pieces: readonly Buffer[] | null,
  ) {}

  /** Makes a message from its parts. */
  static of(address: Address, properties: BasicProperties, body: Uint8Array): Message {
    const out = new Writer(64 + body.length);
    encodeProperties(properties, out);
    const propsEnd = out.pos;
    out.bytes(body);
    return new Message(address, out.buf, 0, propsEnd, propsEnd, body.length, null);
  }

  /** The first flag word of the properties. */
  get flags(): number {
    return (this.buf[this.propsStart]! << 8) | this.buf[this.propsStart + 1]!;
  }

  /** The properties, decoded anew at each call. Throws DecodeError. */
  properties(): BasicProperties {
    return decodeProperties(this.buf, this.propsStart, this.propsEnd);
  }

  headers(): FieldTable | null {
    return this.flags & FLAG.headers ? (this.properties().headers ?? null) : null;
  }

  /** The whole body: a view where it lies in one piece. */
  body(): Buffer {
    if (this.pieces !== null) return Buffer.concat(this.pieces);
    return this.buf.subarray(this.bodyStart, this.bodyStart + this.size) as Buffer;
  }

  /** The same body with other properties, sent somewhere else. */
  withProperties(address: Address, properties: BasicProperties): Message {
    return Message.of(address, properties, this.body());
  }

  /**
   * Called when the message is to stay for longer than the chunk it came in is handled. A small view
   * would pin a read of half a megabyte, so small messages move together into blocks.
   */
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
