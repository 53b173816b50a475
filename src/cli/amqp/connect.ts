import amqplib, { type Channel, type ChannelModel, type ConfirmChannel } from "amqplib";
import { CommandError, UsageError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { explain, reach } from "../lib/probe.ts";

/** What every command that connects takes. */
export interface Login {
  server: Server;
  username: string;
  password: string;
  vhost: string;
}

/** Runs with a channel on a connection of its own; tells errors in words that help. */
export function withChannel<Result>(login: Login, run: (channel: Channel) => Promise<Result>): Promise<Result> {
  return withConnection(login, (connection) => connection.createChannel(), run);
}

/** The same with publisher confirms. */
export function withConfirms<Result>(login: Login, run: (channel: ConfirmChannel) => Promise<Result>): Promise<Result> {
  return withConnection(login, (connection) => connection.createConfirmChannel(), run);
}

async function withConnection<C extends Channel, Result>(
  { server, username, password, vhost }: Login,
  open: (connection: ChannelModel) => Promise<C>,
  run: (channel: C) => Promise<Result>,
): Promise<Result> {
  await reach(server, "amqp");
  const connection = await openConnection({ server, username, password, vhost });
  // The broker's reason comes as an event, and what waits is told less.
  let reason: Error | null = null;
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => undefined);
  const fail = (error: Error): void => {
    reason ??= error;
    reject(error);
  };
  connection.on("error", fail);
  connection.on("close", () => fail(new CommandError(`${server.host}:${server.port} has closed the connection`)));
  try {
    const channel = await open(connection);
    channel.on("error", fail);
    return await Promise.race([run(channel), lost]);
  } catch (error) {
    if (error instanceof CommandError || error instanceof UsageError) throw error;
    throw new CommandError(inWords(reason ?? (error as Error)));
  } finally {
    connection.removeAllListeners("close");
    await connection.close().catch(() => undefined);
  }
}

/** A connection, or in words that help why there is none. */
export async function openConnection({ server, username, password, vhost }: Login): Promise<ChannelModel> {
  try {
    return await amqplib.connect(
      { protocol: "amqp", hostname: server.host, port: server.port, username, password, vhost, heartbeat: 30 },
      { timeout: 5000, clientProperties: { connection_name: "havoq-cli" } },
    );
  } catch (error) {
    const message = (error as Error).message;
    if (/ACCESS.?REFUSED|403/i.test(message))
      throw new CommandError("the broker refuses the login; check --username, --password and --vhost");
    // The login was taken, and then the vhost was not: amqplib tells no more of it.
    if (/ConnectionOpenOk|NOT.?ALLOWED|530/i.test(message)) throw new CommandError(`the broker refuses vhost ${vhost}; check --vhost`);
    throw await explain(server, "amqp", message);
  }
}

/** amqplib: `Channel closed by server: 404 (NOT-FOUND) with message "NOT_FOUND - no queue 'a' in vhost '/'"`. */
function inWords({ message }: Error): string {
  const told = /with message "(.*)"$/.exec(message)?.[1];
  return told === undefined ? message : `the broker says ${told}`;
}
