import type { Wire } from "./wire.ts";

/** Prebuilt frames of equal length, sent round and round: frame i on the wire is frame i % count of the ring. */
export class Ring {
  readonly frameLength: number;

  constructor(
    readonly bytes: Buffer,
    readonly count: number,
  ) {
    this.frameLength = bytes.length / count;
  }

  static of(count: number, frame: (index: number) => Buffer): Ring {
    const frames = Array.from({ length: count }, (_, index) => frame(index));
    if (frames.some(({ length }) => length !== frames[0]!.length)) throw new Error("the frames of a ring must have equal length");
    return new Ring(Buffer.concat(frames), count);
  }
}

/** Writes a ring to a connection, never more than `window` frames ahead of what has come back. */
export class Sender {
  #sent = 0; // in bytes: a full socket may take half a frame
  #came = 0;
  #stopped = false;

  constructor(
    readonly wire: Wire,
    readonly ring: Ring,
    readonly window: number,
  ) {
    wire.onDrain = () => this.#pump();
  }

  /** Whole frames written. */
  get sent(): number {
    return Math.floor(this.#sent / this.ring.frameLength);
  }

  start(): void {
    this.#pump();
  }

  /** `came` frames have come back in all. Waits for half a window of room, so that writes stay large. */
  cameBack(came: number): void {
    this.#came = came;
    if (!this.#stopped && (this.sent - came) * 2 <= this.window) this.#pump();
  }

  /** No new frame after the one under way. Answers how many frames there will have been in all. */
  stop(): number {
    this.#stopped = true;
    this.#pump();
    return Math.ceil(this.#sent / this.ring.frameLength);
  }

  #pump(): void {
    const { bytes, frameLength } = this.ring;
    const limit = this.#stopped ? Math.ceil(this.#sent / frameLength) : this.#came + this.window;
    for (let room = limit * frameLength - this.#sent; room > 0; ) {
      const at = this.#sent % bytes.length;
      const slice = bytes.subarray(at, Math.min(bytes.length, at + room));
      const written = this.wire.write(slice);
      this.#sent += written;
      room -= written;
      if (written < slice.length) return; // drain will call
    }
  }
}
