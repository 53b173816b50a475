import type { Chain, Decision, Final } from "../hooks/chain.ts";
import type { HookEvent } from "../hooks/event.ts";
import type { Observer } from "../hooks/observer.ts";
import type { ProtocolHooks } from "../hooks/seam.ts";
import type { Close, Hang } from "../hooks/verdicts.ts";
import type { JumpingClock } from "../core/time.ts";
import type { Connection } from "../net/connection.ts";
import type { ConnectionInfo } from "../net/connection-info.ts";
import type { ByteStage, ConnectionStages } from "../net/stages.ts";
import type { Transport } from "../net/transport.ts";
import { HookedBytes } from "./byte-stage.ts";

/**
 * What a protocol's stages, its intake and its outlet ask. Null as an answer means that nobody is
 * interested, and costs one check; only else anything is decoded. Protocol handlers and brokers know
 * nothing of this: they see operations and messages that have passed.
 */
export class Pipeline implements ConnectionStages {
  constructor(readonly hooks: ProtocolHooks) {}

  /**
   * Another number whenever an answer of `requests`, `messages` and the like may be another one. Who
   * remembers on a hot path that nobody was interested remembers this beside it.
   */
  get version(): number {
    return this.hooks.version;
  }

  /** Keeps account of messages; null: nobody does. */
  get observer(): Observer | null {
    return this.hooks.observer;
  }

  /** A client id or user became known, or changed: what was remembered of the connection no longer holds. */
  changed(): void {
    this.hooks.version++;
  }

  // --- Who is interested ------------------------------------------------------------------------

  /** Hooks that may want to see an operation of this name on its way in. */
  requests(connection: Connection, operation: string): Chain | null {
    const chain = this.hooks.request;
    return chain === null ? null : chain.select(connection, operation);
  }

  /** Hooks that may want to see an operation of this name on its way out. */
  responses(connection: Connection, operation: string): Chain | null {
    const chain = this.hooks.response;
    return chain === null ? null : chain.select(connection, operation);
  }

  /** Hooks that may want to see a message to this destination. @param connection null: no client sent it */
  messages(connection: ConnectionInfo | null, destination: string): Chain | null {
    const chain = this.hooks.message;
    return chain === null ? null : chain.select(connection, destination);
  }

  /** Hooks that may want to see what this connection gets from this destination. */
  deliveries(connection: Connection, destination: string): Chain | null {
    const chain = this.hooks.delivery;
    return chain === null ? null : chain.select(connection, destination);
  }

  /** False: no hook sees any request; `messages` and `deliveries` likewise. */
  get seesRequests(): boolean {
    return this.hooks.request !== null;
  }
  get seesResponses(): boolean {
    return this.hooks.response !== null;
  }
  get seesMessages(): boolean {
    return this.hooks.message !== null;
  }
  get seesDeliveries(): boolean {
    return this.hooks.delivery !== null;
  }

  /** Hooks that may want to see the bytes of this connection in this direction. */
  chunks(connection: Connection, direction: "in" | "out"): Chain | null {
    const chain = this.hooks.bytes;
    return chain === null ? null : chain.select(connection, direction);
  }

  // --- Connections ------------------------------------------------------------------------------

  /** Lets a client in that has said who it is, once no partition separates it from the broker, unless a hook decides otherwise. */
  connect(connection: Connection, event: () => HookEvent): Decision {
    const reachable = connection.reachable();
    const ask = (): Decision => this.hooks.connect?.select(connection, "")?.decide(event()) ?? null;
    return reachable === null ? ask() : reachable.then(ask);
  }

  /** The connection is over. A promise keeps the socket open until it settles. */
  disconnect(connection: Connection, event: () => HookEvent): Promise<Final | null> | undefined {
    const decision = this.hooks.disconnect?.select(connection, "")?.decide(event());
    return decision instanceof Promise ? decision : undefined;
  }

  /** Closes the connection, or lets it hang. */
  end(connection: Connection, verdict: Close | Hang): void {
    if (verdict.kind === "hang") connection.hang(verdict.ms);
    else if (verdict.reset) connection.abort(true);
    else connection.close();
  }

  // --- What connections ask and tell --------------------------------------------------------------

  get seesBytes(): boolean {
    return this.hooks.bytes !== null;
  }

  bytes(connection: Connection, socket: Transport, clock: JumpingClock): ByteStage {
    return new HookedBytes(connection, socket, clock, (one, direction) => this.chunks(one, direction));
  }

  identified(connection: Connection): void {
    this.hooks.forget(connection);
  }

  ended(connection: Connection, lost: boolean): void {
    if (this.hooks.observer !== null) this.hooks.observer.disconnected(connection, lost);
  }
}
