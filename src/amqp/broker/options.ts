import { totalmem } from "node:os";

export interface AmqpOptions {
  maxConnections: number;
  /** Seconds between heartbeats that the broker suggests; 0: none. */
  heartbeatInterval: number;
  /** Bytes of the largest frame. */
  frameMax: number;
  channelMax: number;
  /** Bytes of the largest message. */
  maxMessageSize: number;
  /** Bytes that queues may hold before publishers have to wait. */
  memoryLimit: number;
  vhosts: readonly string[];
  /** Passwords by user name; null lets everybody in. */
  users: Readonly<Record<string, string>> | null;
}

export const AMQP_DEFAULTS: AmqpOptions = {
  maxConnections: 1000,
  heartbeatInterval: 60,
  frameMax: 131072,
  channelMax: 2047,
  maxMessageSize: 128 * 1024 * 1024,
  // RabbitMQ's high watermark.
  memoryLimit: 0.4 * totalmem(),
  vhosts: ["/"],
  users: null,
};
