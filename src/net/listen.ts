import type { Socket } from "bun";
import type { Connection } from "./connection.ts";
import type { Net, Server } from "./net.ts";
import type { Transport } from "./transport.ts";

export interface ListenOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** PEM texts; with them the listener speaks TLS. */
  tls?: { cert: string; key: string };
  /** Which of the protocol's listeners its connections say they came by; `plain`, `tls` or `websocket` unless told. */
  name?: string;
  /** The node id of the virtual Kafka broker behind this port. */
  broker?: number;
}

export interface Listener {
  readonly port: number;
  /** Hands connections to this protocol from now on. Those that came before have waited for it, unread. */
  serve(server: Server, net: Net): Listener;
  /** Takes no more connections; those that are open stay. */
  stop(): void;
}

type Data = { connection: Connection | null };

/** TCP, or TLS where the options have a certificate. */
export function listenTcp(options: ListenOptions): Listener {
  const kind = options.tls === undefined ? "tcp" : "tls";
  const early = new Set<Socket<Data>>();
  let accept: ((socket: Socket<Data>) => void) | null = null;
  const listener = Bun.listen<Data>({
    hostname: options.host,
    port: options.port,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    // Our own FIN is ours to send: a hook may keep it back.
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { connection: null };
        if (accept !== null) return accept(socket);
        socket.pause();
        early.add(socket);
      },
      data: (socket, chunk) => socket.data.connection?.receive(chunk),
      drain: (socket) => socket.data.connection?.drained(),
      end(socket) {
        if (socket.data?.connection == null) socket.end();
        else socket.data.connection.ended();
      },
      close(socket, error) {
        early.delete(socket);
        socket.data?.connection?.gone(error ?? undefined);
      },
      error: (socket, error) => socket.data?.connection?.gone(error),
    },
  });
  return {
    port: listener.port,
    serve(server, net) {
      accept = (socket) => {
        const transport = new SocketTransport(socket, kind);
        socket.data.connection = net.accept(transport, server, options.name ?? (kind === "tls" ? "tls" : "plain"), options.broker);
      };
      for (const socket of early) {
        accept(socket);
        socket.resume();
      }
      early.clear();
      return this;
    },
    stop: () => listener.stop(),
  };
}

class SocketTransport implements Transport {
  constructor(
    private readonly socket: Socket<any>,
    readonly kind: "tcp" | "tls",
  ) {}

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
export function listenWebSocket(options: ListenOptions, subprotocol: string): Listener {
  const served = Promise.withResolvers<{ server: Server; net: Net }>();
  let protocol: { server: Server; net: Net } | null = null;
  const http = Bun.serve<Data>({
    hostname: options.host,
    port: options.port,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    async fetch(request, http) {
      const asked = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
      const chosen = asked.find((one) => one.startsWith(subprotocol));
      if (chosen === undefined) return new Response(`WebSocket subprotocol ${subprotocol} only\n`, { status: 400 });
      protocol ??= await served.promise;
      const upgraded = http.upgrade(request, { headers: { "Sec-WebSocket-Protocol": chosen }, data: { connection: null } });
      return upgraded ? undefined : new Response("a WebSocket handshake is expected here\n", { status: 426 });
    },
    websocket: {
      // Protocols have keep-alives of their own.
      idleTimeout: 0,
      maxPayloadLength: 256 * 1024 * 1024,
      open(socket) {
        socket.data.connection = protocol!.net.accept(new WebSocketTransport(socket), protocol!.server, options.name ?? "websocket");
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
  return {
    port: http.port!,
    serve(server, net) {
      served.resolve({ server, net });
      return this;
    },
    stop: () => void http.stop(),
  };
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
