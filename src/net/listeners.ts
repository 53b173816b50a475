import { type Listener, listenTcp, listenWebSocket } from "./listen.ts";
import type { Net, Server } from "./net.ts";

/** One row of the table of listeners: what it serves, and where. */
export interface ListenerRow {
  /** The protocol whose connections it accepts; `admin` for the HTTP API. */
  readonly protocol: string;
  /** Node id of the virtual Kafka broker that it leads to. */
  readonly node?: number;
  /** Which of its protocol's listeners it is, as a connection tells it on: `plain`, `tls`, `websocket`. */
  readonly name: string;
  readonly transport: "tcp" | "tls" | "websocket" | "http";
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** PEM texts, where the transport is `tls`. */
  readonly tls?: { cert: string; key: string };
}

/** Rows of the table: those that have all of these fields. */
export type ListenerFilter = Partial<Pick<ListenerRow, "protocol" | "node" | "name" | "transport">>;

/** Answers requests of the HTTP API. */
type Answer = (request: Request, server: Bun.Server<unknown>) => Response | Promise<Response>;

/** A row as it is now. */
interface Entry {
  readonly row: ListenerRow;
  /** Null while it is closed; the HTTP API's serves no protocol. */
  listener: (Pick<Listener, "port" | "stop"> & Partial<Listener>) | null;
  /** Kept when it closes, so that it opens again on the same port; null before it was first open. */
  port: number | null;
}

/**
 * Every port that this process listens on. Nothing heavy is imported here, so that they are open as soon
 * as the process runs: clients that connect before their protocol is loaded wait, unread. What runs before
 * "ready" is written in plain loops.
 */
export class Listeners {
  private readonly entries: Entry[] = [];
  private readonly admin = Promise.withResolvers<Answer>();
  private adminServes = false;

  /** @param table in the order in which they open */
  constructor(table: readonly ListenerRow[]) {
    for (const row of table) this.entries.push({ row, listener: null, port: null });
  }

  /** Opens all; a port that is taken is an error that says so. */
  open(): void {
    for (const entry of this.entries) this.listen(entry, entry.row.port);
  }

  private listen(entry: Entry, port: number): void {
    const { protocol, node, name, host } = entry.row;
    try {
      entry.listener = this.start(entry.row, port);
    } catch (error) {
      const taken = (error as { code?: string }).code === "EADDRINUSE";
      throw new Error(
        `${protocol} cannot listen on ${host}:${port} (${node === undefined ? name : `${node} ${name}`}): ` +
          (taken ? "the port is taken; choose another, or 0 for a free one" : (error as Error).message),
      );
    }
    entry.port = entry.listener.port;
  }

  private start({ transport, protocol, node, name, host, tls }: ListenerRow, port: number): NonNullable<Entry["listener"]> {
    if (transport === "http") return this.http(host, port);
    if (transport === "websocket") return listenWebSocket({ host, port, name }, protocol);
    return listenTcp({ host, port, name, ...(node === undefined ? {} : { broker: node }), ...(tls === undefined ? {} : { tls }) });
  }

  private http(host: string, port: number): NonNullable<Entry["listener"]> {
    const fetch = async (request: Request, server: Bun.Server<unknown>): Promise<Response> =>
      (this.adminServes ? null : isLive(request)) ?? (await this.admin.promise)(request, server);
    const server = Bun.serve({ hostname: host, port, fetch });
    return { port: server.port!, stop: () => void server.stop(true) };
  }

  /** Opens one more and serves it. Does nothing where the same is in the table. */
  add(row: ListenerRow, server: Server, net: Net): void {
    const { protocol, node, name } = row;
    if (this.find({ protocol, name, ...(node === undefined ? {} : { node }) }).length > 0) return;
    const entry: Entry = { row, listener: null, port: null };
    this.listen(entry, row.port);
    this.entries.push(entry);
    entry.listener!.serve!(server, net);
  }

  private find(filter: ListenerFilter): Entry[] {
    const found: Entry[] = [];
    for (const entry of this.entries) if (fits(entry.row, filter)) found.push(entry);
    return found;
  }

  /** Hands the connections of a protocol to it, those that wait first. */
  serve(server: Server, net: Net): void {
    for (const { listener } of this.find({ protocol: server.protocol })) listener?.serve!(server, net);
  }

  /** Lets `answer` answer the HTTP API's requests, those that wait first. */
  serveAdmin(answer: Answer): void {
    this.adminServes = true;
    this.admin.resolve(answer);
  }

  /** The rows that the filter means, each with the port that it has, or had before it closed; null: it was never open. */
  rows(filter: ListenerFilter = {}): { row: ListenerRow; port: number | null }[] {
    const rows: { row: ListenerRow; port: number | null }[] = [];
    for (const { row, port } of this.find(filter)) rows.push({ row, port });
    return rows;
  }

  /** The port of the first listener that the filter means, also while it is closed; null where there is none. */
  port(filter: ListenerFilter): number | null {
    return this.find(filter)[0]?.port ?? null;
  }

  /** Whether one that the filter means takes connections now. */
  isOpen(filter: ListenerFilter): boolean {
    return this.find(filter).some(({ listener }) => listener !== null);
  }

  /** Closes the listeners that the filter means; connections that are open stay. Without a filter: all. */
  close(filter: ListenerFilter = {}): void {
    for (const entry of this.find(filter)) {
      entry.listener?.stop();
      entry.listener = null;
    }
  }

  /** Opens those that were closed again, on the ports they had. */
  reopen(filter: ListenerFilter, server: Server, net: Net): void {
    for (const entry of this.find(filter)) {
      if (entry.listener !== null || entry.port === null) continue; // open, or never was
      this.listen(entry, entry.port);
      entry.listener!.serve!(server, net);
    }
  }
}

function fits(row: ListenerRow, { protocol, node, name, transport }: ListenerFilter): boolean {
  return (
    (protocol === undefined || row.protocol === protocol) &&
    (node === undefined || row.node === node) &&
    (name === undefined || row.name === name) &&
    (transport === undefined || row.transport === transport)
  );
}

/** Whether the process is alive is answered while the brokers are still being loaded; every other request waits for them. */
function isLive(request: Request): Response | null {
  return new URL(request.url).pathname === "/health/live" ? Response.json({ status: "up" }) : null;
}
