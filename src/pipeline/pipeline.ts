import type { Chain, Decision, Final } from "../hooks/chain.ts";
import type { HookEvent } from "../hooks/event.ts";
import type { Observer } from "../hooks/observer.ts";
import type { ProtocolHooks } from "../hooks/seam.ts";
import type { Close, Hang } from "../hooks/verdicts.ts";
import type { Connection } from "../net/connection.ts";

/**
 * What a protocol's stages, its intake and its outlet ask. Null as an answer means that nobody is
 * interested, and costs one check; only else anything is decoded. Protocol handlers and brokers know
 * nothing of this: they see operations and messages that have passed.
 */
export class Pipeline {
  constructor(private readonly hooks: ProtocolHooks) {}

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
  messages(connection: Connection | null, destination: string): Chain | null {
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

  // --- Connections ------------------------------------------------------------------------------

  /** Lets a client in that has said who it is, once no partition keeps it away, unless a hook has it otherwise. */
  connect(connection: Connection, event: () => HookEvent): Decision {
    return connection.welcome(event);
  }

  /** The connection is over. A promise keeps the socket open until it settles. */
  disconnect(connection: Connection, event: () => HookEvent): Promise<Final | null> | undefined {
    const decision = this.hooks.disconnect?.select(connection, "")?.decide(event());
    return decision instanceof Promise ? decision : undefined;
  }

  /** Closes the connection, or lets it hang. */
  end(connection: Connection, verdict: Close | Hang): void {
    connection.obey(verdict);
  }
}
