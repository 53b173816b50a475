import type { ListenerRow } from "../net/listeners.ts";
import type { Config } from "./config.ts";

/** PEM texts. */
export interface Certificate {
  cert: string;
  key: string;
}

/** The table of all listeners that a configuration asks for, in the order in which they open. */
export function listenersOf({ host, kafka, mqtt, amqp, admin }: Config, tls: Certificate | null): ListenerRow[] {
  const table: ListenerRow[] = [];
  const certificate = (): Certificate => {
    if (tls === null) throw new Error("a tls_port needs tls: { cert, key }");
    return tls;
  };
  const tcp = (protocol: string, { port, tls_port }: { port: number; tls_port?: number | undefined }, node?: number): void => {
    const where = { protocol, host, ...(node === undefined ? {} : { node }) };
    // Kafka's virtual brokers count up from the first one's port.
    const own = (first: number): number => (first === 0 || node === undefined ? first : first + node - 1);
    table.push({ ...where, name: "plain", transport: "tcp", port: own(port) });
    if (tls_port !== undefined) table.push({ ...where, name: "tls", transport: "tls", port: own(tls_port), tls: certificate() });
  };
  if (kafka.enabled) for (let node = 1; node <= kafka.brokers; node++) tcp("kafka", kafka, node);
  if (mqtt.enabled) tcp("mqtt", mqtt);
  if (amqp.enabled) tcp("amqp", amqp);
  // HTTP comes last: the first Bun.serve of a process starts a garbage collection, a millisecond that the others need not wait for.
  if (admin.enabled) table.push({ protocol: "admin", name: "http", transport: "http", host: admin.host, port: admin.port });
  if (mqtt.enabled) table.push({ protocol: "mqtt", name: "websocket", transport: "websocket", host, port: mqtt.websocket_port });
  return table;
}
