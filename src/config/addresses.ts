import { VERSION } from "../core/version.ts";
import type { ListenerFilter, Listeners } from "../net/listeners.ts";

/** Where the brokers really listen: the content of `--ready-file`. */
export interface Addresses {
  kafka: { host: string; ports: number[]; tlsPorts: number[] } | null;
  mqtt: { host: string; port: number; websocketPort: number; tlsPort: number | null } | null;
  amqp: { host: string; port: number; tlsPort: number | null } | null;
  admin: { host: string; port: number } | null;
  pid: number;
  seed: number;
}

/** Of listeners that are open. */
export function addressesOf(listeners: Listeners, seed: number): Addresses {
  const host = (protocol: string): string | undefined => listeners.rows({ protocol })[0]?.row.host;
  const port = (filter: ListenerFilter): number | null => listeners.port(filter);
  const ports = (filter: ListenerFilter): number[] => {
    const found: number[] = [];
    for (const { port } of listeners.rows(filter)) if (port !== null) found.push(port);
    return found;
  };
  const kafka = host("kafka");
  const mqtt = host("mqtt");
  const amqp = host("amqp");
  const admin = host("admin");
  return {
    kafka:
      kafka === undefined
        ? null
        : { host: kafka, ports: ports({ protocol: "kafka", name: "plain" }), tlsPorts: ports({ protocol: "kafka", name: "tls" }) },
    mqtt:
      mqtt === undefined
        ? null
        : {
            host: mqtt,
            port: port({ protocol: "mqtt", name: "plain" })!,
            websocketPort: port({ protocol: "mqtt", name: "websocket" })!,
            tlsPort: port({ protocol: "mqtt", name: "tls" }),
          },
    amqp:
      amqp === undefined
        ? null
        : { host: amqp, port: port({ protocol: "amqp", name: "plain" })!, tlsPort: port({ protocol: "amqp", name: "tls" }) },
    admin: admin === undefined ? null : { host: admin, port: port({ protocol: "admin" })! },
    pid: process.pid,
    seed,
  };
}

/** What is printed at the terminal once all of it serves. */
export function summaryOf(
  { kafka, mqtt, amqp, admin, seed }: Addresses,
  plugins: readonly string[] = [],
  fixtures: readonly { running: boolean }[] = [],
): string[] {
  const lines = [`havoq ${VERSION}   seed ${seed}`];
  const tls = (port: number | string | null): string => (port === null || port === "" ? "" : `, TLS ${port}`);
  if (kafka !== null) {
    let brokers = "";
    for (const port of kafka.ports) brokers += ` ${kafka.host}:${port}`;
    lines.push(`  kafka  ${brokers}${tls(kafka.tlsPorts.join(" "))}`);
  }
  if (mqtt !== null) lines.push(`  mqtt    ${mqtt.host}:${mqtt.port}, WebSocket ${mqtt.websocketPort}${tls(mqtt.tlsPort)}`);
  if (amqp !== null) lines.push(`  amqp    ${amqp.host}:${amqp.port}${tls(amqp.tlsPort)}`);
  if (admin !== null) lines.push(`  admin   http://${admin.host}:${admin.port}`);
  lines.push(`  plugins ${plugins.length > 0 ? plugins.join(", ") : "none"}`);
  if (fixtures.length > 0) lines.push(`  fixtures ${fixtures.length}, ${fixtures.filter(({ running }) => running).length} sending`);
  lines.push("ready");
  return lines;
}
