import type { Socket } from "bun";
import { Connection } from "./connection.ts";
import type { Net, Server } from "./net.ts";
import type { Transport } from "./transport.ts";

export interface ListenOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** PEM texts; with them the listener speaks TLS. */
  tls?: { cert: string; key: string };
  /** The node id of the virtual Kafka broker behind this port. */
  broker?: number;
}

export interface Listener {
  readonly port: number;
  /** Takes no more connections; those that are open stay. */
  stop(): void;
}

/** TCP, or TLS where the options have a certificate. */
export function listenTcp(options: ListenOptions, server: Server, net: Net): Listener {
  type Data = { connection: Connection | null };
  const name = options.tls === undefined ? "plain" : "tls";
  const listener = Bun.listen<Data>({
    hostname: options.host,
    port: options.port,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    socket: {
      open(socket) {
        socket.data = { connection: net.accept(new SocketTransport(socket, name === "tls" ? "tls" : "tcp"), server, name, options.broker) };
      },
      data: (socket, chunk) => socket.data.connection?.receive(chunk),
      drain: (socket) => socket.data.connection?.drained(),
      close: (socket, error) => socket.data?.connection?.gone(error ?? undefined),
      error: (socket, error) => socket.data?.connection?.gone(error),
    },
  });
  return { port: listener.port, stop: () => listener.stop() };
}

class SocketTransport implements Transport {
  constructor(private readonly socket: Socket<any>, readonly kind: "tcp" | "tls") {}

  get remote(): string {
    return `${this.socket.remoteAddress}:${this.socket.remotePort}`;
  }
  write(bytes: Buffer): number {
    return this.socket.write(bytes);
  }
  pause(): void {
    this.socket.pause();
  }
  resume(): void {
    this.socket.resume();
  }
  end(): void {
    this.socket.end();
  }
  reset(): void {
    this.socket.terminate();
  }
}

/** WebSocket with the subprotocol that the client must ask for (`mqtt`); one message may hold any part of the stream. */
export function listenWebSocket(options: ListenOptions, subprotocol: string, server: Server, net: Net): Listener {
  type Data = { connection: Connection | null };
  const http = Bun.serve<Data>({
    hostname: options.host,
    port: options.port,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    fetch(request, http) {
      const asked = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
      if (!asked.some((one) => one.startsWith(subprotocol))) return new Response(`WebSocket subprotocol ${subprotocol} only\n`, { status: 400 });
      const chosen = asked.find((one) => one.startsWith(subprotocol))!;
      const upgraded = http.upgrade(request, { headers: { "Sec-WebSocket-Protocol": chosen }, data: { connection: null } });
      return upgraded ? undefined : new Response("a WebSocket handshake is expected here\n", { status: 426 });
    },
    websocket: {
      // Back-pressure is ours: Bun's own queue would otherwise close the socket at its limit.
      idleTimeout: 0,
      maxPayloadLength: 256 * 1024 * 1024,
      open(socket) {
        socket.data.connection = net.accept(new WebSocketTransport(socket), server, "websocket");
      },
      message(socket, message) {
        // [MQTT-6.0.0-1]: control packets travel in binary data frames.
        if (typeof message === "string") socket.data.connection?.fail(new Error("a text frame where binary is expected"));
        else socket.data.connection?.receive(message);
      },
      drain: (socket) => socket.data.connection?.drained(),
      close: (socket) => socket.data.connection?.gone(),
    },
  });
  return { port: http.port!, stop: () => void http.stop() };
}

class WebSocketTransport implements Transport {
  readonly kind = "websocket";
  constructor(private readonly socket: Bun.ServerWebSocket<unknown>) {}

  get remote(): string {
    return this.socket.remoteAddress;
  }
  write(bytes: Buffer): number {
    if (this.socket.readyState !== 1) return -1;
    // Bun keeps what its socket does not take now; past a bound we wait for its drain instead.
    if (this.socket.getBufferedAmount() > 0) return 0;
    return this.socket.sendBinary(bytes) === 0 ? -1 : bytes.length;
  }
  /** A WebSocket cannot stop reading: the framer bounds what waits, then the connection is cut. */
  pause(): void {}
  resume(): void {}
  end(): void {
    this.socket.close(1000);
  }
  reset(): void {
    this.socket.terminate();
  }
}
