import { askAdmin, type AdminOptions } from "../lib/ask.ts";
import { printJson, printTable } from "../lib/output.ts";

interface Client {
  clientId: string;
  connected: boolean;
  version: string | null;
  transport: string | null;
  remote: string | null;
  user: string | null;
  subscriptions: { filter: string; qos: number }[];
  queued: number;
  unacknowledged: number;
}

export async function listClients({ json, ...admin }: AdminOptions & { json?: boolean }): Promise<void> {
  const clients = await askAdmin<Client[]>(admin, "/api/mqtt/sessions");
  if (json === true) return printJson(clients);
  printTable(
    ["client", "connected", "version", "transport", "remote", "user", "subscriptions", "queued", "unacknowledged"],
    clients.map((one) => [
      one.clientId,
      one.connected,
      one.version,
      one.transport,
      one.remote,
      one.user,
      one.subscriptions.map(({ filter }) => filter).join(" ") || null,
      one.queued,
      one.unacknowledged,
    ]),
  );
}
