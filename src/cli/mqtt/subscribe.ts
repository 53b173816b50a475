import { printJsonLine } from "../lib/output.ts";
import { payloadField, shown } from "../lib/payload.ts";
import { Stop } from "../lib/stop.ts";
import { subscribeTo, withClient, type Login } from "./connect.ts";

interface Options extends Login {
  topic: string;
  qos: 0 | 1 | 2;
  count?: number;
  timeout?: number;
  verbose?: boolean;
  json?: boolean;
}

export async function subscribe({ topic: filter, qos, count, timeout, verbose, json, ...login }: Options): Promise<void> {
  const stop = new Stop({ count, timeout });
  await withClient(login, async (client) => {
    client.on("message", (topic, payload, packet) => {
      if (stop.stopped) return;
      if (json === true) {
        const { contentType, responseTopic, correlationData, userProperties } = packet.properties ?? {};
        printJsonLine({
          topic,
          qos: packet.qos,
          retain: packet.retain,
          ...payloadField("payload", payload),
          ...(contentType === undefined ? {} : { contentType }),
          ...(responseTopic === undefined ? {} : { responseTopic }),
          ...(correlationData === undefined ? {} : payloadField("correlationData", correlationData)),
          ...(userProperties === undefined ? {} : { userProperties: { ...userProperties } }),
        });
      } else {
        console.log(verbose === true ? `${topic} ${shown(payload)}` : shown(payload));
      }
      stop.take();
    });
    await subscribeTo(client, [filter], qos);
    stop.listening();
    await stop.asked;
  });
  stop.check("messages");
}
