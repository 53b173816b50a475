import type { Outgoing } from "../../hooks/plugin.ts";
import type { Connection } from "../../net/connection.ts";
import type { Address } from "../../net/dial.ts";
import type { Server } from "../../net/net.ts";
import type { Session } from "../../net/session.ts";
import type { Host } from "../../pipeline/host.ts";
import { GatewayLink } from "./link.ts";

export interface MqttGatewayOptions {
  /** Connections of clients beyond this many are refused. */
  maxConnections: number;
  /** Bytes of the largest packet that is taken from a client. */
  maxPacketSize: number;
}

/**
 * Stands in front of a real MQTT broker. Every client has a connection of its own to it, and its
 * packets go on as they came unless somebody changed them.
 */
export class MqttGateway implements Server {
  readonly protocol = "mqtt";
  readonly maxConnections: number;
  private isUnreachable = false;

  constructor(
    readonly upstream: Address,
    readonly options: MqttGatewayOptions,
    readonly host: Host,
  ) {
    this.maxConnections = options.maxConnections;
  }

  accept(connection: Connection): Session {
    return new GatewayLink(this, connection);
  }

  /** The broker behind answered, or did not: that is said once until it does. */
  reached(error: Error | null): void {
    if (error !== null && !this.isUnreachable) this.host.print(`mqtt: ${error.message}`);
    this.isUnreachable = error !== null;
  }

  /** @throws Error always: the gateway has no client of its own */
  publish(message: Outgoing): never {
    throw new Error(
      `a message for ${"topic" in message ? message.topic : "a topic"} cannot be sent from within: the MQTT gateway to ${this.upstream.host}:${this.upstream.port} has no client of its own`,
    );
  }

  /** Nothing is open but connections of clients, which end with theirs. */
  close(): void {}
}
