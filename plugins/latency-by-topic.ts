/**
 * Makes messages late, by topic or exchange: a slow partition, a sensor with a bad uplink.
 *
 * ```yaml
 * plugins:
 *   dir: ./plugins
 *   options:
 *     latency-by-topic:
 *       "payments.*": 200             # always 200 ms
 *       "sensors/#": { from: 50, to: 500 }
 * ```
 */
import { definePlugin, delay, type At } from "havoq";

type Latency = number | { from: number; to: number };

export default definePlugin((options: Record<string, Latency> = { "slow.*": 200, "slow/#": 200 }) => {
  const topics = Object.entries(options);
  for (const [topic, latency] of topics) check(topic, latency);
  const late = (latency: Latency) => (_message: unknown, at: At) =>
    delay(typeof latency === "number" ? latency : at.random.int(latency.from, latency.to));
  return {
    message: topics.flatMap(([name, latency]) => [
      { match: { protocol: ["kafka", "mqtt"], topic: name }, run: late(latency) },
      { match: { protocol: "amqp", exchange: name }, run: late(latency) },
    ]),
  };
});

function check(topic: string, latency: Latency): void {
  const numbers = typeof latency === "number" ? [latency] : [latency?.from, latency?.to];
  if (numbers.every((ms) => typeof ms === "number" && ms >= 0)) return;
  throw new TypeError(`${topic}: expected milliseconds, or { from, to } in milliseconds`);
}
