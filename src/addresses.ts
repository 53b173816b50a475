import type { Config } from "./config/config.ts";
import type { Doors } from "./doors.ts";

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

/** Of a configuration whose doors have been opened. Every start waits for it: plain loops, as the first use of some functions of the runtime takes 0.2 ms. */
export function addressesOf({ host, kafka, mqtt, amqp, admin }: Config, doors: Doors, seed: number): Addresses {
  const optional = (name: string): number | null => doors.port(name);
  const port = (name: string): number => optional(name)!;
  const ports: number[] = [], tlsPorts: number[] = [];
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
export function summaryOf({ kafka, mqtt, amqp, admin, seed }: Addresses, plugins: readonly string[] = [], fixtures: readonly { running: boolean }[] = []): string[] {
  const tls = (ports: (number | null)[]): string => (ports.some((port) => port !== null) ? `, TLS ${ports.join(" ")}` : "");
  return [
    `havoq ${VERSION}   seed ${seed}`,
    ...(kafka ? [`  kafka   ${kafka.ports.map((port) => `${kafka.host}:${port}`).join(" ")}${tls(kafka.tlsPorts)}`] : []),
    ...(mqtt ? [`  mqtt    ${mqtt.host}:${mqtt.port}, WebSocket ${mqtt.websocketPort}${tls([mqtt.tlsPort].filter((port) => port !== null))}`] : []),
    ...(amqp ? [`  amqp    ${amqp.host}:${amqp.port}${tls([amqp.tlsPort].filter((port) => port !== null))}`] : []),
    ...(admin ? [`  admin   http://${admin.host}:${admin.port}`] : []),
    `  plugins ${plugins.length > 0 ? plugins.join(", ") : "none"}`,
    ...(fixtures.length > 0 ? [`  fixtures ${fixtures.length}, ${fixtures.filter(({ running }) => running).length} sending`] : []),
    "ready",
  ];
}
