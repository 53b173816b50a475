import { UsageError } from "../lib/errors.ts";
import { printDone, printJson } from "../lib/output.ts";
import { payloads } from "../lib/payload.ts";
import { withClient, type Login } from "./connect.ts";

interface Options extends Login {
  topic: string;
  payload?: string;
  qos: 0 | 1 | 2;
  retain?: boolean;
  json?: boolean;
}

/** MQTT 5.0's "No matching subscribers": the broker has taken the message, and nobody got it. */
const NOBODY = 0x10;

export async function publish({ topic, payload, qos, retain = false, json, ...login }: Options): Promise<void> {
  if (/[+#]/.test(topic)) throw new UsageError(`${topic} is a filter; messages go to one topic, without + and #`);
  const all = await payloads(payload, "--payload");
  const nobody = await withClient(login, async (client) => {
    let unheard = 0;
    client.on("packetreceive", (packet) => {
      if ((packet.cmd === "puback" || packet.cmd === "pubrec") && packet.reasonCode === NOBODY) unheard++;
    });
    for (const one of all) await client.publishAsync(topic, one, { qos, retain });
    return unheard;
  });
  if (json === true) return printJson({ topic, qos, retain, messages: all.length, ...(qos === 0 ? {} : { withoutSubscribers: nobody }) });
  printDone(
    `${all.length} message${all.length === 1 ? "" : "s"} → ${topic}${nobody > 0 ? `, ${nobody === all.length ? "but" : `${nobody} of which`} nobody is subscribed` : ""}`,
  );
}
