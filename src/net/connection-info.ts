/** What can be told of a connection, and how connections are chosen: plain data, which the module `havoq` hands on to authors. */

export type Protocol = "kafka" | "mqtt" | "amqp";

/** One client socket, whatever the transport. */
export interface ConnectionInfo {
  readonly id: number;
  readonly protocol: Protocol;
  readonly transport: "tcp" | "tls" | "websocket" | "memory";
  /** The peer's address and port. */
  readonly remote: string;
  /** Kafka client id, MQTT client id, AMQP `connection_name`; empty until the client has said it. */
  readonly clientId: string;
  readonly user: string;
  /** The node id of the virtual Kafka broker this socket leads to. */
  readonly broker: number | undefined;
  /** 1 for the first connection of this client id (to this broker), 2 for the next: part of the streams. */
  readonly ordinal: number;
}

/** A word with wildcards (`*` any characters, `?` one; in topics also MQTT's `+` and `#`), a regular expression, or several of them. */
export type Pattern = string | RegExp | readonly (string | RegExp)[];

/** The part of a match that a connection alone decides. All that is given must hold. */
export interface ConnectionMatch {
  protocol?: Protocol | readonly Protocol[];
  client?: Pattern;
  user?: Pattern;
  /** The n-th connection of a client (to that broker), from 1. */
  connection?: number | readonly number[];
  /** Node id of the virtual Kafka broker. */
  broker?: number | readonly number[];
  transport?: ConnectionInfo["transport"];
}

/** Which connections a call means. */
export type ConnectionFilter = ConnectionMatch & { id?: number };
