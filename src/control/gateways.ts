import { KafkaGateway } from "../kafka/gateway/gateway.ts";
import { MqttGateway } from "../mqtt/gateway/gateway.ts";
import type { Address } from "../net/dial.ts";
import type { Listeners } from "../net/listeners.ts";
import type { Net, Server } from "../net/net.ts";
import type { Host } from "../pipeline/host.ts";
import type { Gateway } from "./context.ts";

/** What a configuration says of gateways. `upstream` is `HOST:PORT`; a protocol without one has a broker of our own, or is off. */
export interface GatewayConfig {
  readonly host: string;
  readonly kafka: {
    readonly upstream?: string | undefined;
    readonly port: number;
    readonly advertised_host?: string | undefined;
    readonly max_connections: number;
    readonly max_request_size: number;
  };
  readonly mqtt: { readonly upstream?: string | undefined; readonly max_connections: number; readonly max_packet_size: number };
  readonly amqp: { readonly upstream?: string | undefined };
}

export type RunningGateway = Gateway & Server & { close(): void };

/** A gateway for every protocol that has an upstream. @param reachable an address that clients can use for the one that is listened on */
export function gatewaysOf(
  config: GatewayConfig,
  hosts: { readonly kafka: Host; readonly mqtt: Host },
  listeners: Listeners,
  net: Net,
  reachable: (host: string) => string,
): Map<"kafka" | "mqtt" | "amqp", RunningGateway> {
  const gateways = new Map<"kafka" | "mqtt" | "amqp", RunningGateway>();
  const { kafka, mqtt, amqp } = config;
  if (kafka.upstream !== undefined) {
    const gateway: KafkaGateway = new KafkaGateway(
      addressOf(kafka.upstream),
      {
        max_connections: kafka.max_connections,
        max_request_size: kafka.max_request_size,
        network: {
          address: (node, name) => ({
            host: kafka.advertised_host ?? reachable(config.host),
            port: listeners.port({ protocol: "kafka", node, name }) ?? listeners.port({ protocol: "kafka", node }) ?? 0,
          }),
          // A broker that the cluster names gets a port of its own when it becomes known.
          up: (node) => {
            const port = kafka.port === 0 ? 0 : kafka.port + node - 1;
            listeners.add({ protocol: "kafka", node, name: "plain", transport: "tcp", host: config.host, port }, gateway, net);
          },
        },
      },
      hosts.kafka,
    );
    gateways.set("kafka", named(gateway, kafka.upstream));
  }
  if (mqtt.upstream !== undefined) {
    const options = { maxConnections: mqtt.max_connections, maxPacketSize: mqtt.max_packet_size };
    gateways.set("mqtt", named(new MqttGateway(addressOf(mqtt.upstream), options, hosts.mqtt), mqtt.upstream));
  }
  if (amqp.upstream !== undefined) throw new Error("amqp.upstream: havoq cannot stand in front of an AMQP broker yet");
  return gateways;
}

function addressOf(text: string): Address {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

function named<G extends Server & { publish: Gateway["publish"]; close(): void }>(gateway: G, upstream: string): RunningGateway {
  return {
    protocol: gateway.protocol,
    maxConnections: gateway.maxConnections,
    upstream,
    accept: (connection) => gateway.accept(connection),
    publish: (message) => gateway.publish(message),
    close: () => gateway.close(),
  };
}
