/** What can be set of the MQTT broker; sizes in bytes. */
export interface MqttOptions {
  maxConnections: number;
  /** The longest keep alive, in seconds, that a 5.0 client gets when it asks for more. */
  keepAliveSecs: number;
  /** The largest packet that is taken. */
  maxPacketSize: number;
  /** QoS 2 packets that a 5.0 client may have under way: Receive Maximum. */
  receiveMaximum: number;
  /** Aliases that clients may use, and that the broker uses where they take them. */
  topicAliasMaximum: number;
  /** QoS 1 and 2 copies on the way to one client, unless it asks for fewer. */
  maxInflight: number;
  /** Copies that wait for one client; more are dropped, as those that come last. */
  maxQueuedMessages: number;
  /** What they and a slow reader's QoS 0 packets may hold. */
  maxQueuedBytes: number;
  /** The same for all clients together. */
  maxTotalQueuedBytes: number;
  maxRetainedBytes: number;
  /** Sessions, connected or not. */
  maxSessions: number;
  /** Subscriptions of one session. */
  maxSubscriptions: number;
}

const MiB = 1024 * 1024;

export const MQTT_DEFAULTS: MqttOptions = {
  maxConnections: 1000,
  keepAliveSecs: 60,
  maxPacketSize: MiB,
  receiveMaximum: 0xffff,
  topicAliasMaximum: 10,
  maxInflight: 1000,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 64 * MiB,
  maxTotalQueuedBytes: 512 * MiB,
  maxRetainedBytes: 128 * MiB,
  maxSessions: 100_000,
  maxSubscriptions: 10_000,
};
