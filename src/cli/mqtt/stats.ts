import type { MqttClient } from "mqtt";
import { CommandError } from "../lib/errors.ts";
import { printFields, printJson } from "../lib/output.ts";
import { systemClock } from "../lib/time.ts";
import { retained, withClient, type Login } from "./connect.ts";

interface Options extends Login {
  interval: number;
  json?: boolean;
}

/** The counters, by what they are called here, and where brokers keep them. */
const COUNTERS = {
  connected: ["clients/connected", "clients/active"],
  disconnected: ["clients/disconnected", "clients/inactive"],
  subscriptions: ["subscriptions/count"],
  retained: ["retained messages/count"],
  received: ["publish/messages/received", "messages/received"],
  sent: ["publish/messages/sent", "messages/sent"],
  dropped: ["publish/messages/dropped"],
} as const;

/** What Mosquitto averages over a minute: it publishes its counters too rarely to see a rate between two. */
const LOADS = { received: "load/publish/received/1min", sent: "load/publish/sent/1min" } as const;

export async function stats({ interval, json, ...login }: Options): Promise<void> {
  const [before, after] = await withClient(login, async (client) => {
    const first = await read(client, login);
    await systemClock.sleep(interval);
    return [first, await read(client, login)];
  });
  const value = (from: Map<string, string>, name: keyof typeof COUNTERS): number | null => {
    const topic = COUNTERS[name].find((one) => from.has(one));
    return topic === undefined ? null : Number(from.get(topic));
  };
  const rate = (name: "received" | "sent"): number | null => {
    const load = after.get(LOADS[name]);
    if (load !== undefined) return round(Number(load) / 60);
    const [then, now] = [value(before, name), value(after, name)];
    if (then === null || now === null) return null;
    // What asking the first time has cost is in between: a message that ends it, and all the answers.
    const own = name === "received" ? 1 : before.size + 1;
    return round((Math.max(0, now - then - own) * 1000) / interval);
  };
  const found = {
    version: after.get("version") ?? null,
    connected: value(after, "connected"),
    disconnected: value(after, "disconnected"),
    subscriptions: value(after, "subscriptions"),
    retained: value(after, "retained"),
    received: value(after, "received"),
    sent: value(after, "sent"),
    dropped: value(after, "dropped"),
    receivedPerSecond: rate("received"),
    sentPerSecond: rate("sent"),
  };
  if (json === true) return printJson(found);
  printFields({
    broker: found.version,
    "clients connected": found.connected,
    "clients away": found.disconnected,
    subscriptions: found.subscriptions,
    "retained messages": found.retained,
    "messages received": found.received,
    "messages sent": found.sent,
    "messages dropped": found.dropped,
    "received a second": found.receivedPerSecond,
    "sent a second": found.sentPerSecond,
  });
}

const ROOT = "$SYS/broker/";
const round = (rate: number): number => Math.round(rate * 100) / 100;

async function read(client: MqttClient, { server }: Login): Promise<Map<string, string>> {
  const found = new Map((await retained(client, `${ROOT}#`)).map(({ topic, payload }) => [topic.slice(ROOT.length), payload.toString()]));
  if (found.size === 0)
    throw new CommandError(
      `${server.host}:${server.port} publishes nothing under ${ROOT}: "stats" needs a broker that does, such as havoq or Mosquitto (and there the right to read it)`,
    );
  return found;
}
