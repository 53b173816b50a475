// Bytes on their way to a socket that may be full. The generator's window bounds what can wait here.
export class Outlet {
  #waiting: Uint8Array[] = [];

  constructor(readonly socket: Bun.Socket<unknown>) {}

  /** False when some of the bytes have to wait: they must stay as they are. */
  write(bytes: Uint8Array): boolean {
    const written = this.#waiting.length > 0 ? 0 : Math.max(0, this.socket.write(bytes));
    if (written === bytes.length) return true;
    this.#waiting.push(bytes.subarray(written));
    return false;
  }

  drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.write(bytes);
  }
}

export function listen<T>(handlers: Bun.SocketHandler<T>): void {
  Bun.listen<T>({ hostname: "127.0.0.1", port: Number(process.argv[2]), socket: handlers });
}
