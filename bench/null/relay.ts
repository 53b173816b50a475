// Bytes on their way to a socket that may be full. The generator's window bounds what can wait here.
export class Outlet {
  #waiting: Uint8Array[] = [];

  constructor(readonly socket: Bun.Socket<unknown>) {}

  write(bytes: Uint8Array): void {
    if (this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      return;
    }
    const written = Math.max(0, this.socket.write(bytes));
    if (written < bytes.length) this.#waiting.push(bytes.subarray(written));
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
