import type { Fact, FactName, HookEvent } from "../hooks/event.ts";
import { operationStream } from "../hooks/event.ts";
import type { Chunk, ConnectionInfo, Protocol } from "../hooks/plugin.ts";

/** A chunk on its way in or out, as the `bytes` hook sees it. */
export class ByteEvent implements HookEvent, Chunk {
  /** What goes on: the chunk itself, or what `replace` made of it. */
  chunks: Buffer[];

  constructor(readonly connection: ConnectionInfo, readonly direction: "in" | "out", readonly data: Buffer) {
    this.chunks = [data];
  }

  get protocol(): Protocol {
    return this.connection.protocol;
  }
  get name(): string {
    return this.direction;
  }
  get stream(): string {
    return operationStream(this.connection, `bytes ${this.direction}`);
  }
  fact(name: FactName): Fact {
    return name === "direction" ? this.direction : undefined;
  }

  /** `{ data }` or, sent one by one, `{ chunks }`. */
  change(changes: { data?: Uint8Array; chunks?: Uint8Array[] }): void {
    const chunks = changes.chunks ?? (changes.data === undefined ? undefined : [changes.data]);
    if (!Array.isArray(chunks) || !chunks.every((chunk) => chunk instanceof Uint8Array)) {
      throw new TypeError("replace for bytes takes { data: Uint8Array } or { chunks: Uint8Array[] }");
    }
    this.chunks = chunks.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
  }
}
