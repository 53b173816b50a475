import type { Properties } from "./properties.ts";
import type { Table } from "./values.ts";

/** The longest name of an exchange and the longest routing key, in bytes. */
const NAME_MOST = 255;

/** Where a message was sent. Shared by all that go there one after the other. */
export class Address {
  /** The names as the protocol version writes them that has sent to a consumer from here, once it has. */
  encoded: Buffer | null = null;

  /** Throws RangeError for names of more than 255 bytes. */
  constructor(
    readonly exchange: string,
    readonly routingKey: string,
  ) {
    check("an exchange", exchange);
    check("a routing key", routingKey);
  }
}

function check(what: string, name: string): void {
  // A character takes at most three bytes.
  if (name.length * 3 <= NAME_MOST) return;
  const size = Buffer.byteLength(name);
  if (size > NAME_MOST) throw new RangeError(`the name of ${what} has ${size} bytes: at most ${NAME_MOST}`);
}

/**
 * A message as the broker carries it, whichever version of the protocol it came in. A version keeps its
 * messages as the bytes they came in, so that they go out again as they are to a client of the same version,
 * and decodes what somebody asks for.
 */
export abstract class Message {
  /** Bytes of the body. */
  abstract readonly size: number;

  constructor(readonly address: Address) {}

  /** What can be told without decoding anything: whether there are such properties. */
  abstract get hasHeaders(): boolean;
  abstract get hasExpiration(): boolean;
  abstract get hasPriority(): boolean;
  /** False: its headers do not say who gets copies (`CC`, `BCC`), as far as can be told without decoding them. */
  abstract get mayHaveCopies(): boolean;

  /** Decoded anew at each call. Throws DecodeError. */
  abstract properties(): Properties;
  abstract headers(): Table | null;
  /** The whole body: a view where it lies in one piece. */
  abstract body(): Buffer;
  /** A message of the same version with other properties, sent somewhere else. @param body in the place of its own */
  abstract with(address: Address, properties: Properties, body?: Uint8Array): Message;
  /** Called when the message is to stay for longer than the chunk it came in is handled. */
  abstract keep(): void;
}

/** A message that came in no version of the protocol: from a plugin, a fixture, HTTP, another protocol. */
export class MadeMessage extends Message {
  readonly size: number;

  constructor(
    address: Address,
    private readonly given: Properties,
    private readonly bytes: Buffer,
  ) {
    super(address);
    this.size = bytes.length;
  }

  get hasHeaders(): boolean {
    return this.given.headers !== undefined;
  }
  get hasExpiration(): boolean {
    return this.given.expiration !== undefined;
  }
  get hasPriority(): boolean {
    return this.given.priority !== undefined;
  }
  get mayHaveCopies(): boolean {
    return this.hasHeaders;
  }

  properties(): Properties {
    return this.given;
  }
  headers(): Table | null {
    return this.given.headers ?? null;
  }
  body(): Buffer {
    return this.bytes;
  }
  with(address: Address, properties: Properties, body?: Uint8Array): Message {
    return new MadeMessage(address, properties, body === undefined ? this.bytes : Buffer.from(body.buffer, body.byteOffset, body.length));
  }
  keep(): void {}
}
