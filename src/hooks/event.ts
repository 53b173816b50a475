import type { ConnectionInfo, Protocol } from "./plugin.ts";

/** What a match may ask of an event after `select` let it through. */
export type FactName = "topic" | "exchange" | "queue" | "routingKey" | "key" | "partition" | "group" | "direction";
/** Several values mean that the event concerns all of them: a Produce request names many topics. */
export type Fact = string | number | null | undefined | readonly (string | number)[];

/** What every event brings along for the seam; the rest of it is for the plugin. */
export interface HookEvent {
  readonly protocol: Protocol;
  readonly connection: ConnectionInfo | null;
  /** The operation's name, or the destination of a message: what `select` was asked with. */
  readonly name: string;
  /** The identity by which draws are keyed: see `streams` in docs/ARCHITECTURE.md. */
  readonly stream: string;
  /** Decodes no more than it must. */
  fact(name: FactName): Fact;
  /** A delay fired whose client is to be told; only where the protocol has a word for it. */
  tell?(reason: string): void;
  /** Takes the changes of `replace`; throws where one does not fit. */
  change(changes: object): void;
}

/** `kafka/payments-service@2#1/Produce`: a client, the broker it is connected to, the n-th connection of it there, the operation. */
export function operationStream(connection: ConnectionInfo, operation: string): string {
  const broker = connection.broker === undefined ? "" : `@${connection.broker}`;
  return `${connection.protocol}/${connection.clientId}${broker}#${connection.ordinal}/${operation}`;
}

/** `mqtt:sensors/hall` or `kafka:orders-3:customer-17`: a destination and, where there is one, the key. */
export function messageStream(protocol: Protocol, destination: string, key: string | null): string {
  return key === null ? `${protocol}:${destination}` : `${protocol}:${destination}:${key}`;
}

/** A delivery is keyed by its consumer too, so that each consumer meets a fate of its own. */
export function deliveryStream(protocol: Protocol, destination: string, key: string | null, consumer: string): string {
  return `${messageStream(protocol, destination, key)}→${consumer}`;
}
