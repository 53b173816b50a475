// What a user's test does, whatever runs it. `check` is the runner's own way to compare.
import mqtt from "mqtt";
import { start } from "havoq/testing";

export async function dropped(check) {
  const havoq = await start({ seed: 7 });
  check(havoq.seed, 7);
  const lost = await havoq.rule({ match: { protocol: "mqtt", topic: "t" }, when: { nth: 2 }, fault: { drop: {} } });
  const client = await mqtt.connectAsync(havoq.mqtt.url, { clientId: "c" });
  const got = [];
  client.on("message", (_topic, payload) => got.push(payload.toString()));
  await client.subscribeAsync("t");
  for (const word of ["a", "b", "c"]) await client.publishAsync("t", word, { qos: 1 });
  await lost.untilFired(1);
  check(await lost.fired(), 1);
  await lost.remove();
  await client.publishAsync("t", "d", { qos: 1 });
  check((await havoq.journal()).map(({ verdict, name }) => `${verdict} ${name}`).join(), "drop t");
  await client.endAsync();
  check(got.join(), "a,c,d");
  await havoq.stop();
}

export async function refused(check) {
  const words = await start({ rules: [{ fault: { dorp: {} } }] }).then(
    () => "started",
    (error) => error.message,
  );
  check(words.includes("did you mean drop?"), true);
  const other = await start({ config: { kafka: { brokrs: 3 } } }).then(
    () => "started",
    (error) => error.message,
  );
  check(other.includes("did you mean brokers?"), true);
}
