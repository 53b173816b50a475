import { connect, type MqttClient } from "mqtt";
import { CommandError, UsageError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { explain, reach } from "../lib/probe.ts";

/** What every command that connects takes. */
export interface Login {
  server: Server;
  clientId?: string;
  username?: string;
  password?: string;
  mqttVersion?: "5" | "3.1.1";
}

/** Runs with a connected client, which is closed again; tells errors in words that help. */
export async function withClient<Result>(login: Login, run: (client: MqttClient) => Promise<Result>): Promise<Result> {
  const { server } = login;
  await reach(server, "mqtt");
  const client = await openClient(login);
  // A client that loses its connection must not wait for what will never come.
  const lost = new Promise<never>((_, reject) => {
    client.once("close", () => reject(new CommandError(`${server.host}:${server.port} has closed the connection`)));
    client.on("error", (error) => reject(new CommandError(error.message)));
  });
  lost.catch(() => undefined);
  try {
    return await Promise.race([run(client), lost]);
  } catch (error) {
    if (error instanceof CommandError || error instanceof UsageError) throw error;
    throw new CommandError((error as Error).message);
  } finally {
    await client.endAsync().catch(() => undefined);
  }
}

/** A connected client, which does not come back by itself. */
export async function openClient({ server, clientId, username, password, mqttVersion = "5" }: Login): Promise<MqttClient> {
  try {
    return await opened(
      connect({
        protocol: "mqtt",
        host: server.host,
        port: server.port,
        connectTimeout: 5000,
        reconnectPeriod: 0,
        clean: true,
        protocolVersion: mqttVersion === "5" ? 5 : 4,
        ...(clientId === undefined ? {} : { clientId }),
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
      }),
    );
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    // A number is a reason that an MQTT broker gave; it was the right port then.
    if (typeof code === "number" && code > 0)
      throw new CommandError(
        `the broker refuses the connection: ${message.replace(/^Connection refused: /, "")}${hint(code, mqttVersion)}`,
      );
    throw await explain(server, "mqtt", message);
  }
}

/** Once the broker has let it in; a connection that closes before that would be waited for for ever. */
function opened(client: MqttClient): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      client.end(true);
      reject(error);
    };
    const closed = (): void => failed(new Error("the connection was closed before anything was said"));
    // Stays: without a listener an error would end the process.
    client.on("error", failed);
    client.once("close", closed);
    client.once("connect", () => {
      client.off("close", closed);
      resolve(client);
    });
  });
}

function hint(code: number, version: string): string {
  if (code === 1 || code === 0x84) return `; try --mqtt-version ${version === "5" ? "3.1.1" : "5"}`;
  if (code === 4 || code === 5 || code === 0x86 || code === 0x87) return "; check --username and --password";
  return "";
}

/** Subscribes, or tells why the broker does not want that. */
export async function subscribeTo(client: MqttClient, filters: readonly string[], qos: 0 | 1 | 2): Promise<void> {
  let granted: Awaited<ReturnType<MqttClient["subscribeAsync"]>>;
  try {
    granted = await client.subscribeAsync([...filters], { qos });
  } catch (error) {
    throw new CommandError(`the broker refuses the subscription to ${filters.join(", ")}: ${(error as Error).message}`);
  }
  const refused = granted.find((one) => (one.qos as number) >= 0x80);
  if (refused !== undefined) throw new CommandError(`the broker refuses the subscription to ${refused.topic} (reason code ${refused.qos})`);
}

export interface Retained {
  topic: string;
  payload: Buffer;
  qos: number;
}

/** What is retained under a filter. A message of ours comes behind it all and tells that it was all. */
export async function retained(client: MqttClient, filter: string): Promise<Retained[]> {
  const found: Retained[] = [];
  const end = `havoq-cli/${client.options.clientId}`;
  const all = new Promise<void>((resolve) => {
    client.on("message", (topic, payload, { retain, qos }) => {
      if (topic === end) resolve();
      else if (retain) found.push({ topic, payload, qos });
    });
  });
  await subscribeTo(client, [end], 0);
  await subscribeTo(client, [filter], 0);
  await client.publishAsync(end, "");
  await all;
  await client.unsubscribeAsync([filter, end]);
  client.removeAllListeners("message");
  return found;
}
