import { TimeoutError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import type { AdvanceableClock } from "../hooks/clock.ts";
import type {
  Broker,
  BrokerInfo,
  ConnectionFilter,
  ConnectionInfo,
  ControlActions,
  GroupInfo,
  Protocol,
  TopicInfo,
} from "../hooks/plugin.ts";
import type { ControlSurface } from "../hooks/surface.ts";
import type { Net } from "../net/net.ts";
import { readInOrder, valuesOf, type Action } from "./action.ts";
import actions from "./actions/index.ts";
import { ActionContext, type Gateway, type Listeners, type Parts } from "./context.ts";
import type { World } from "./world.ts";

export type { Gateway, Listeners, Parts } from "./context.ts";

/** All control actions by name. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map(actions.map((one) => [one.name, one]));

/** The methods of the control actions are made from their table, below. */
export interface Control extends ControlActions {}

/**
 * The control surface: what can be seen of the brokers and done to them, for hooks (`at.broker`), the HTTP API,
 * scenarios and tests alike. Every action checks its arguments first: ArgumentError (a TypeError) where they do not
 * fit, NotFoundError (a RangeError) where they name what is not there.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: each action of the table is defined on the prototype
export class Control implements Broker, ControlSurface {
  readonly actions: ReadonlySet<string> = new Set(ACTIONS.keys());
  private readonly on: ActionContext;

  constructor(
    private readonly parts: Parts,
    private readonly net: Net,
    private readonly clock: AdvanceableClock,
    listeners: Listeners,
    /** What actions may name. */
    readonly world: World,
    gateways: ReadonlyMap<Protocol, Gateway> = new Map(),
  ) {
    this.on = new ActionContext(parts, net, clock, listeners, gateways);
  }

  read(action: string, args: readonly unknown[]): unknown[] {
    const one = ACTIONS.get(action)!;
    return valuesOf(one, readInOrder(one, args, this.world));
  }

  /** Carries out an action whose arguments were read. */
  run(action: Action, args: readonly unknown[]): unknown {
    return action.run(this.on, ...args);
  }

  /** Undoes what is left of all actions: brokers are up and answer, nobody is cut off. */
  healAll(): void {
    for (const { heal } of actions) heal?.(this.on);
  }

  connections(filter?: ConnectionFilter): ConnectionInfo[] {
    return this.net.connections(filter);
  }
  brokers(): BrokerInfo[] {
    return this.on.brokers();
  }
  topics(): TopicInfo[] {
    return this.parts.kafka?.topicInfos() ?? [];
  }
  groups(): GroupInfo[] {
    return this.parts.kafka?.groupInfos() ?? [];
  }

  waitFor(state: () => boolean, timeout = 30_000): Promise<void> {
    return waitFor(this.clock, state, timeout);
  }

  // --- Snapshots --------------------------------------------------------------------------------

  /** All brokers' state as MessagePack: topics, positions, retained messages, sessions, queues; not the clients' connections. */
  async snapshot(): Promise<Uint8Array> {
    const { pack, take } = await import("./snapshot.ts");
    return pack(take(this.parts));
  }

  /** Puts a snapshot in the place of all state; every client's connection is reset. Throws ArgumentError for bytes that are none. */
  async restore(bytes: Uint8Array): Promise<void> {
    const { put, unpack } = await import("./snapshot.ts");
    const snapshot = unpack(bytes);
    // Wills of sessions that are no more are nobody's.
    this.parts.mqtt?.die({});
    for (const connection of this.net.connections()) connection.abort(true);
    put(this.parts, snapshot);
  }
}

for (const action of actions) {
  Object.defineProperty(Control.prototype, action.name, {
    configurable: true,
    writable: true,
    value(this: Control, ...args: unknown[]): unknown {
      return this.run(action, this.read(action.name, args));
    },
  });
}

async function waitFor(clock: Clock, state: () => boolean, timeout: number): Promise<void> {
  const until = clock.now() + timeout;
  while (!state()) {
    if (clock.now() >= until) throw new TimeoutError(`waited ${timeout} ms in vain for ${state}`);
    await clock.sleep(5);
  }
}
