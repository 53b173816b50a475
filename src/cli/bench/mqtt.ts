import { freshSeed } from "../../hooks/random.ts";
import { openClient, subscribeTo } from "../mqtt/connect.ts";
import { inWaves, type Load, type Wanted } from "./load.ts";

/** Topics of its own, one per connection. */
export async function open({ server, connections, qos, receive, fail, connected }: Wanted): Promise<Load> {
  const root = `havoq/bench/${freshSeed()}`;
  let closing = false;
  const one = async () => {
    const client = await openClient({ server });
    client.on("close", () => closing || fail(new Error("the broker has closed a connection")));
    client.on("error", fail);
    // MQTT.js waits for the socket once per message that it could not write.
    client.stream.setMaxListeners(0);
    return client;
  };
  const reader = await one();
  reader.on("message", (_topic, payload) => receive(payload));
  await subscribeTo(reader, [`${root}/#`], qos);
  const clients = await inWaves(connections, async () => {
    const client = await one();
    connected();
    return client;
  });
  return {
    send(i, payloads) {
      const client = clients[i]!;
      for (const payload of payloads) client.publish(`${root}/${i}`, payload, { qos }, (error) => error && !closing && fail(error));
    },
    async close() {
      closing = true;
      await Promise.all([reader, ...clients].map((client) => client.endAsync(true).catch(() => undefined)));
    },
  };
}
