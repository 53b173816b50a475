import type { Fact, FactName, HookEvent } from "../hooks/event.ts";
import { operationStream } from "../hooks/event.ts";
import type { ByteChanges, Chunk, ConnectionInfo, Protocol } from "../hooks/plugin.ts";

/** A chunk on its way in or out, as the `bytes` hook sees it. */
export class ByteEvent implements HookEvent, Chunk {
  /** What goes on: the chunk itself, or what `replace` made of it. */
  chunks: Buffer[];
  /** Milliseconds before the first of them, and between two. */
  wait = 0;
  pause = 0;

  constructor(
    readonly connection: ConnectionInfo,
    readonly direction: "in" | "out",
    readonly data: Buffer,
  ) {
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

  /** It goes on piece by piece. */
  get takesTime(): boolean {
    return this.wait > 0 || (this.pause > 0 && this.chunks.length > 1);
  }

  change({ data, chunks, size, wait = 0, pause = 0, ...rest }: ByteChanges): void {
    const given = chunks ?? (data === undefined ? this.chunks : [data]);
    const fits =
      Array.isArray(given) &&
      given.every((chunk) => chunk instanceof Uint8Array) &&
      (size === undefined || (Number.isInteger(size) && size > 0));
    if (!fits || !(wait >= 0) || !(pause >= 0) || Object.keys(rest).length > 0) {
      throw new TypeError(
        "replace for bytes takes { data: Uint8Array } or { chunks: Uint8Array[] }, { size } to cut it, { wait, pause } in milliseconds",
      );
    }
    const whole = given.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    this.chunks = size === undefined ? whole : whole.flatMap((chunk) => pieces(chunk, size));
    this.wait += wait;
    this.pause = Math.max(this.pause, pause);
  }
}

function pieces(chunk: Buffer, size: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += size) cut.push(chunk.subarray(at, at + size) as Buffer);
  return cut;
}
