import type { Config } from "../config/config.ts";
import { listenTcp, listenWebSocket, type Listener } from "./listen.ts";
import type { Net, Server } from "./net.ts";

/** A listener; the HTTP API's serves no protocol. */
type Door = Pick<Listener, "port" | "stop"> & Partial<Listener>;
type Answer = (request: Request, server: Bun.Server<unknown>) => Response | Promise<Response>;

/**
 * Every port of a configuration, by what it serves: `kafka 1 plain`, `mqtt websocket`, `amqp tls`,
 * `admin http`. Nothing heavy is imported here, so that they are open as soon as the process runs.
 */
export class Doors {
  private readonly listeners = new Map<string, Door>();
  /** Kept when a listener closes, so that it opens again where it was. */
  private readonly ports = new Map<string, number>();
  private readonly openers = new Map<string, (port: number) => Door>();
  private readonly admin = Promise.withResolvers<Answer>();
  private adminServes = false;

  constructor(
    private readonly config: Config,
    private readonly tls: { cert: string; key: string } | null,
  ) {}

  /** Opens all; a port that is taken is an error that says so. */
  open(): void {
    const { kafka, mqtt, amqp, admin } = this.config;
    if (kafka.enabled) {
      for (let node = 1; node <= kafka.brokers; node++) {
        this.openKafka(node, "plain");
        if (kafka.tls_port !== undefined) this.openKafka(node, "tls");
      }
    }
    if (mqtt.enabled) this.tcp("mqtt", mqtt);
    if (amqp.enabled) this.tcp("amqp", amqp);
    // The first Bun.serve of a process brings on a garbage collection: a millisecond that nobody else need wait for.
    if (admin.enabled) this.listen("admin http", admin.port, (port) => this.http(port));
    if (mqtt.enabled)
      this.listen("mqtt websocket", mqtt.websocket_port, (port) => listenWebSocket({ host: this.config.host, port }, "mqtt"));
  }

  private tcp(protocol: string, { port, tls_port }: { port: number; tls_port?: number | undefined }): void {
    const { host } = this.config;
    this.listen(`${protocol} plain`, port, (port) => listenTcp({ host, port }));
    if (tls_port !== undefined) this.listen(`${protocol} tls`, tls_port, (port) => listenTcp({ host, port, tls: this.certificate() }));
  }

  private http(port: number): Door {
    const fetch = async (request: Request, server: Bun.Server<unknown>): Promise<Response> =>
      (this.adminServes ? null : isLive(request)) ?? (await this.admin.promise)(request, server);
    const server = Bun.serve({ hostname: this.config.admin.host, port, fetch });
    return { port: server.port!, stop: () => void server.stop(true) };
  }

  private openKafka(node: number, kind: "plain" | "tls"): void {
    const { host, kafka } = this.config;
    const base = kind === "plain" ? kafka.port : kafka.tls_port!;
    this.listen(`kafka ${node} ${kind}`, base === 0 ? 0 : base + node - 1, (port) =>
      listenTcp({ host, port, broker: node, ...(kind === "tls" ? { tls: this.certificate() } : {}) }),
    );
  }

  private listen(name: string, port: number, open: (port: number) => Door): void {
    let listener: Door;
    try {
      listener = open(port);
    } catch (error) {
      const [protocol, ...rest] = name.split(" ");
      const taken = (error as { code?: string }).code === "EADDRINUSE";
      throw new Error(
        `${protocol} cannot listen on ${protocol === "admin" ? this.config.admin.host : this.config.host}:${port} (${rest.join(" ")}): ` +
          (taken ? "the port is taken; choose another, or 0 for a free one" : (error as Error).message),
      );
    }
    this.openers.set(name, open);
    this.listeners.set(name, listener);
    this.ports.set(name, listener.port);
  }

  private certificate(): { cert: string; key: string } {
    if (this.tls === null) throw new Error("a tls_port needs tls: { cert, key }");
    return this.tls;
  }

  /** Hands the connections of a protocol to it, those that wait first. */
  serve(server: Server, net: Net): void {
    for (const [name, listener] of this.listeners) if (name.startsWith(`${server.protocol} `)) listener.serve!(server, net);
  }

  /** The HTTP API's answers, from now on and to those who wait. */
  serveAdmin(answer: Answer): void {
    this.adminServes = true;
    this.admin.resolve(answer);
  }

  /** The port of a listener, also of one that is closed; null where there is none. */
  port(name: string): number | null {
    return this.ports.get(name) ?? null;
  }

  /** Whether somebody listens there now. */
  isOpen(name: string): boolean {
    return this.listeners.has(name);
  }

  /** Nobody can connect any more to what begins so: `kafka 2`, `mqtt`. */
  closeFor(what: string): void {
    for (const [name, listener] of this.listeners) {
      if (!name.startsWith(`${what} `)) continue;
      listener.stop();
      this.listeners.delete(name);
    }
  }

  /** What `closeFor` closed opens again where it was. */
  reopenFor(what: string, server: Server, net: Net): void {
    for (const [name, open] of this.openers) {
      if (!name.startsWith(`${what} `) || this.listeners.has(name)) continue;
      this.listen(name, this.ports.get(name)!, open);
      this.listeners.get(name)!.serve!(server, net);
    }
  }

  close(): void {
    for (const listener of this.listeners.values()) listener.stop();
    this.listeners.clear();
  }
}

/** Who asks whether the process runs gets an answer while the brokers are still being loaded; all else waits. */
function isLive(request: Request): Response | null {
  return new URL(request.url).pathname === "/health/live" ? Response.json({ status: "up" }) : null;
}
