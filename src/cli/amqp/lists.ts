import { askAdmin, fetchFrom, type AdminOptions } from "../lib/ask.ts";
import { CommandError } from "../lib/errors.ts";
import { printJson, printTable } from "../lib/output.ts";

interface Options extends AdminOptions {
  management?: string;
  username: string;
  password: string;
  vhost?: string;
  json?: boolean;
}

interface Exchange {
  name: string;
  vhost: string;
  type: string;
  durable: boolean;
  autoDelete: boolean;
  internal: boolean;
  arguments: Record<string, unknown>;
}

interface Queue {
  name: string;
  vhost: string;
  durable: boolean;
  autoDelete: boolean;
  exclusive: boolean;
  messages: number;
  ready: number;
  unacked: number;
  consumers: number;
  arguments: Record<string, unknown>;
}

interface Binding {
  vhost: string;
  source: string;
  destination: string;
  destinationType: "queue" | "exchange";
  routingKey: string;
  arguments: Record<string, unknown>;
}

export async function listExchanges(options: Options): Promise<void> {
  const exchanges = await list<Exchange>(options, "exchanges", (one) => ({
    name: one.name,
    vhost: one.vhost,
    type: one.type,
    durable: one.durable,
    autoDelete: one.auto_delete,
    internal: one.internal,
    arguments: one.arguments,
  }));
  if (options.json === true) return printJson(exchanges);
  printTable(
    ["exchange", "vhost", "type", "durable", "auto-delete"],
    exchanges.map((one) => [one.name || "(default)", one.vhost, one.type, one.durable, one.autoDelete]),
  );
}

export async function listQueues(options: Options): Promise<void> {
  const queues = await list<Queue>(options, "queues", (one) => ({
    name: one.name,
    vhost: one.vhost,
    durable: one.durable,
    autoDelete: one.auto_delete,
    exclusive: one.exclusive,
    messages: one.messages ?? 0,
    ready: one.messages_ready ?? 0,
    unacked: one.messages_unacknowledged ?? 0,
    consumers: one.consumers ?? 0,
    arguments: one.arguments,
  }));
  if (options.json === true) return printJson(queues);
  printTable(
    ["queue", "vhost", "durable", "auto-delete", "ready", "unacked", "consumers"],
    queues.map((one) => [one.name, one.vhost, one.durable, one.autoDelete, one.ready, one.unacked, one.consumers]),
  );
}

export async function listBindings(options: Options & { queue?: string; exchange?: string }): Promise<void> {
  const { queue, exchange } = options;
  const all = await list<Binding>(options, "bindings", (one) => ({
    vhost: one.vhost,
    source: one.source,
    destination: one.destination,
    destinationType: one.destination_type,
    routingKey: one.routing_key,
    arguments: one.arguments,
  }));
  const bindings = all.filter(
    (one) =>
      (queue === undefined || (one.destinationType === "queue" && one.destination === queue)) &&
      (exchange === undefined || one.source === exchange),
  );
  if (options.json === true) return printJson(bindings);
  printTable(
    ["from", "to", "routing key", "arguments"],
    bindings.map((one) => [
      one.source || "(default)",
      one.destinationType === "queue" ? one.destination : `exchange ${one.destination}`,
      one.routingKey,
      Object.keys(one.arguments).length > 0 ? JSON.stringify(one.arguments) : null,
    ]),
  );
}

/** From havoq's HTTP API, or from RabbitMQ's, whose names are turned into havoq's. */
async function list<Row extends { vhost: string }>(options: Options, what: string, row: (one: any) => Row): Promise<Row[]> {
  const { management, username, password, vhost } = options;
  if (management === undefined) {
    return askAdmin<Row[]>(options, `/api/amqp/${what}${vhost === undefined ? "" : `?vhost=${encodeURIComponent(vhost)}`}`);
  }
  const url = management.replace(/\/+$/, "");
  const headers = { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
  const missing = `it takes RabbitMQ's management plugin there: "rabbitmq-plugins enable rabbitmq_management"`;
  const response = await fetchFrom(url, `/api/${what}${vhost === undefined ? "" : `/${encodeURIComponent(vhost)}`}`, { headers }, missing);
  if (response.status === 401) throw new CommandError(`${url} refuses the login; check --username and --password`);
  if (response.status === 404 && vhost !== undefined) throw new CommandError(`${url} knows no vhost ${vhost}`);
  if (!response.ok || !(response.headers.get("content-type") ?? "").includes("json"))
    throw new CommandError(`${url} is not RabbitMQ's management plugin (${response.status}); ${missing}`);
  return ((await response.json()) as any[]).map(row);
}
