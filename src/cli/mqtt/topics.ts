import { matches } from "./filter.ts";
import { askAdmin, type AdminOptions } from "../lib/ask.ts";
import { printDone, printJson, printTable } from "../lib/output.ts";
import { payloadField, shown } from "../lib/payload.ts";
import { retained, withClient, type Login } from "./connect.ts";

interface Options extends Login, AdminOptions {
  topic: string;
  retained?: boolean;
  json?: boolean;
}

interface Topic {
  topic: string;
  messages: number;
  retained: boolean;
}

export async function listTopics({ topic: filter, retained: onlyRetained, json, admin, token, ...login }: Options): Promise<void> {
  if (onlyRetained === true) {
    const found = (await withClient(login, (client) => retained(client, filter))).sort((a, b) => (a.topic < b.topic ? -1 : 1));
    if (json === true) return printJson(found.map(({ topic, payload, qos }) => ({ topic, qos, ...payloadField("payload", payload) })));
    return printTable(
      ["topic", "retained"],
      found.map(({ topic, payload }) => [topic, shown(payload)]),
    );
  }
  const topics = (await askAdmin<Topic[]>({ admin, token }, "/api/mqtt/topics")).filter(({ topic }) => matches(filter, topic));
  if (json === true) printJson(topics);
  else
    printTable(
      ["topic", "messages", "retained"],
      topics.map((one) => [one.topic, one.messages, one.retained]),
    );
}

export async function clearRetained({ topic: filter, json, ...login }: Login & { topic: string; json?: boolean }): Promise<void> {
  const topics = await withClient(login, async (client) => {
    const found = await retained(client, filter);
    // An empty retained message is what clears one [MQTT-3.3.1-6]; what havoq and others keep on $SYS is not ours.
    const ours = found.map(({ topic }) => topic).filter((topic) => !topic.startsWith("$SYS/"));
    for (const topic of ours) await client.publishAsync(topic, "", { retain: true, qos: 1 });
    return ours.sort();
  });
  if (json === true) printJson({ cleared: topics });
  else
    printDone(
      `${topics.length} retained message${topics.length === 1 ? "" : "s"} cleared${topics.length > 0 ? `: ${topics.join(", ")}` : ""}`,
    );
}
