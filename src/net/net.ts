import type { JumpingClock } from "../core/time.ts";
import { Connection } from "./connection.ts";
import type { ConnectionFilter, ConnectionInfo, Protocol } from "./connection-info.ts";
import type { Session } from "./session.ts";
import type { ConnectionStages } from "./stages.ts";
import { type Direction, Partition, Pause } from "./stops.ts";
import type { Transport } from "./transport.ts";

/** A protocol, as a listener sees it. */
export interface Server {
  readonly protocol: Protocol;
  /** Connections beyond this many are refused. */
  readonly maxConnections: number;
  accept(connection: Connection): Session;
}

/** What can be counted of connections, for the metrics. */
export interface ProtocolCounts {
  active: number;
  accepted: number;
  refused: number;
  /** Connections closed because what came could not be read or handled. */
  failed: number;
}

export interface NetOptions {
  clock: JumpingClock;
  /** What the connections of a protocol ask and tell. */
  stages(protocol: Protocol): ConnectionStages;
  /** Whether a filter means this connection. */
  matches(filter: ConnectionFilter, connection: ConnectionInfo): boolean;
  /** Takes a line about a connection that failed. */
  report?(line: string): void;
}

/** All connections of all protocols. */
export class Net {
  readonly clock: JumpingClock;
  readonly stages: NetOptions["stages"];
  readonly counts: Record<Protocol, ProtocolCounts> = { kafka: zero(), mqtt: zero(), amqp: zero() };
  private readonly matches: NetOptions["matches"];
  private readonly report: (line: string) => void;
  private readonly open = new Map<number, Connection>();
  private readonly clients = new Map<string, number>();
  private lastId = 0;
  private readonly pauses = new Set<Pause>();
  private readonly partitions = new Set<Partition>();
  /** Sockets that are still open although their connections are over, because a `disconnect` hook delays their end. */
  private readonly keptOpen = new Set<Transport>();

  constructor({ clock, stages, matches, report = () => undefined }: NetOptions) {
    this.clock = clock;
    this.stages = stages;
    this.matches = matches;
    this.report = report;
  }

  /** A socket was opened. Null: refused, the transport is closed. */
  accept(transport: Transport, server: Server, listener = "plain", broker?: number): Connection | null {
    const counts = this.counts[server.protocol];
    if (counts.active >= server.maxConnections) {
      counts.refused++;
      transport.end();
      return null;
    }
    const connection = new Connection(this, transport, ++this.lastId, server.protocol, listener, broker);
    counts.active++;
    counts.accepted++;
    this.open.set(connection.id, connection);
    connection.start(server.accept(connection));
    for (const pause of this.pauses) if (this.matches(pause.filter, connection)) connection.interruption.add(pause);
    const healed = this.reachable(connection);
    if (healed !== null) connection.interruption.holdUntil(healed);
    return connection;
  }

  forget(connection: Connection): void {
    if (this.open.delete(connection.id)) this.counts[connection.protocol].active--;
  }

  /** How many connections this client id had to this broker, this one included. */
  countClient(connection: Connection): number {
    const key = `${connection.protocol} ${connection.broker ?? ""} ${connection.clientId}`;
    const count = (this.clients.get(key) ?? 0) + 1;
    // The entry becomes the youngest: a client that makes up an id for each connection pushes out the oldest.
    this.clients.delete(key);
    this.clients.set(key, count);
    if (this.clients.size > CLIENTS_MOST) this.clients.delete(this.clients.keys().next().value!);
    return count;
  }

  /** Ends a socket once `until` has settled; until then its peer sees it open. */
  async keepOpen(socket: Transport, until: Promise<unknown>, end: () => void): Promise<void> {
    this.keptOpen.add(socket);
    await until;
    if (this.keptOpen.delete(socket)) end();
  }

  /** Ends the sockets that are kept open now. */
  endKeptOpen(): void {
    for (const socket of this.keptOpen) socket.end();
    this.keptOpen.clear();
  }

  countFailure(connection: Connection, error: Error): void {
    this.counts[connection.protocol].failed++;
    this.report(`${connection.protocol} connection ${connection.id} from ${connection.remote}: ${String(error)}`);
  }

  // --- The control surface ----------------------------------------------------------------------

  /** Pauses all connections that the filter means, and those that come: as if the broker's process were stopped. */
  pause(filter: ConnectionFilter): void {
    if (this.isPaused(filter)) return;
    const pause = new Pause(filter);
    this.pauses.add(pause);
    for (const connection of this.connections(filter)) connection.interruption.add(pause);
  }

  isPaused(filter: ConnectionFilter): boolean {
    return [...this.pauses].some((pause) => Bun.deepEquals(pause.filter, filter));
  }

  /** Ends the pauses with this filter. */
  resume(filter: ConnectionFilter): void {
    for (const pause of this.pauses) {
      if (!Bun.deepEquals(pause.filter, filter)) continue;
      this.pauses.delete(pause);
      for (const connection of this.open.values()) connection.interruption.remove(pause);
    }
  }

  /**
   * What these clients send no longer arrives (`in`), or what is sent to them (`out`), or neither;
   * nothing is closed. A client that connects meanwhile waits until it is healed, whatever the direction:
   * it takes both to open a connection. Returns how many open connections it concerns.
   */
  partition(filter: ConnectionFilter, direction: Direction): number {
    const partition = new Partition(filter, direction);
    const concerned = this.connections(filter);
    this.partitions.add(partition);
    for (const connection of concerned) connection.interruption.add(partition);
    return concerned.length;
  }

  /** Ends the partitions with this filter, or all of them; returns how many. */
  heal(filter?: ConnectionFilter): number {
    let healed = 0;
    for (const partition of this.partitions) {
      if (filter !== undefined && !Bun.deepEquals(partition.filter, filter)) continue;
      this.partitions.delete(partition);
      partition.heal();
      for (const connection of this.open.values()) connection.interruption.remove(partition);
      healed++;
    }
    return healed;
  }

  /** Settles when no partition keeps this connection away; null: none does. */
  reachable(connection: Connection): Promise<void> | null {
    for (const partition of this.partitions) {
      if (this.matches(partition.filter, connection)) return partition.healed.then(() => this.reachable(connection) ?? undefined);
    }
    return null;
  }

  connections(filter: ConnectionFilter = {}): Connection[] {
    return [...this.open.values()].filter((connection) => this.matches(filter, connection));
  }
}

/** Client ids whose connections are counted. */
const CLIENTS_MOST = 100_000;

function zero(): ProtocolCounts {
  return { active: 0, accepted: 0, refused: 0, failed: 0 };
}
