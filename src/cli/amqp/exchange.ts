import { typed } from "../lib/options.ts";
import { printDone, printJson } from "../lib/output.ts";
import { withChannel, type Login } from "./connect.ts";

interface Declare extends Login {
  name: string;
  type: string;
  durable?: boolean;
  autoDelete?: boolean;
  argument?: Record<string, string>;
  json?: boolean;
}

export async function declareExchange({
  name,
  type,
  durable = false,
  autoDelete = false,
  argument = {},
  json,
  ...login
}: Declare): Promise<void> {
  await withChannel(login, (channel) => channel.assertExchange(name, type, { durable, autoDelete, arguments: typed(argument) }));
  if (json === true) printJson({ exchange: name, type, durable, autoDelete, arguments: typed(argument) });
  else printDone(`exchange ${name} declared: ${type}${durable ? ", durable" : ""}${autoDelete ? ", auto-delete" : ""}`);
}

export async function deleteExchange({
  name,
  ifUnused = false,
  json,
  ...login
}: Login & { name: string; ifUnused?: boolean; json?: boolean }): Promise<void> {
  await withChannel(login, async (channel) => {
    // RabbitMQ takes the deletion of what is not there for done; here it is told.
    await channel.checkExchange(name);
    await channel.deleteExchange(name, { ifUnused });
  });
  if (json === true) printJson({ deleted: name });
  else printDone(`exchange ${name} deleted`);
}
