import type { Config } from "../config/config.ts";
import type { Doors } from "./listeners.ts";

export const VERSION: string = process.env.HAVOQ_VERSION ?? "dev";

/** Where the brokers really listen: the content of `--ready-file`. */
export interface Addresses {
  kafka: { host: string; ports: number[]; tlsPorts: number[] } | null;
  mqtt: { host: string; port: number; websocketPort: number; tlsPort: number | null } | null;
  amqp: { host: string; port: number; tlsPort: number | null } | null;
  admin: { host: string; port: number } | null;
  pid: number;
  seed: number;
}

/** Of a configuration whose doors have been opened. */
export function addressesOf({ host, kafka, mqtt, amqp, admin }: Config, doors: Doors, seed: number): Addresses {
  const optional = (name: string): number | null => doors.port(name);
  const port = (name: string): number => optional(name)!;
  const ports: number[] = [],
    tlsPorts: number[] = [];
  for (let node = 1; kafka.enabled && node <= kafka.brokers; node++) {
    ports.push(port(`kafka ${node} plain`));
    const tls = optional(`kafka ${node} tls`);
    if (tls !== null) tlsPorts.push(tls);
  }
  return {
    kafka: kafka.enabled ? { host, ports, tlsPorts } : null,
    mqtt: mqtt.enabled ? { host, port: port("mqtt plain"), websocketPort: port("mqtt websocket"), tlsPort: optional("mqtt tls") } : null,
    amqp: amqp.enabled ? { host, port: port("amqp plain"), tlsPort: optional("amqp tls") } : null,
    admin: admin.enabled ? { host: admin.host, port: port("admin http") } : null,
    pid: process.pid,
    seed,
  };
}

/** A few calm lines for the person at the terminal. */
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
