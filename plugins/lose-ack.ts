/**
 * Stores the message, then loses the acknowledgement: what a network does between a broker's commit
 * and its answer. A client that sends again has now sent twice; this shows whether anybody minds.
 *
 * ```yaml
 * plugins:
 *   dir: ./plugins
 *   options:
 *     lose-ack: { probability: 0.1, how: reset }
 * ```
 */
import { close, definePlugin, drop, type At } from "havoq";

interface Options {
  /** How likely an acknowledgement is lost, from 0 to 1. */
  probability?: number;
  /** `silence`: the answer never comes. `reset`: the connection is cut in its place, which clients notice at once. */
  how?: "silence" | "reset";
}

export default definePlugin(({ probability = 0.1, how = "silence" }: Options = {}) => {
  if (!(probability >= 0 && probability <= 1)) throw new RangeError(`probability is from 0 to 1, not ${probability}`);
  if (how !== "silence" && how !== "reset") throw new TypeError(`how is silence or reset, not ${how}`);
  const lose = (_answer: unknown, at: At) => {
    if (!at.random.chance(probability)) return undefined;
    at.counters.add("lost");
    return how === "silence" ? drop("acknowledgement lost") : close({ reset: true }, "acknowledgement lost");
  };
  return {
    response: [
      { match: { protocol: "kafka", operation: "Produce" }, run: lose },
      { match: { protocol: "mqtt", operation: ["PUBACK", "PUBREC"] }, run: lose },
      { match: { protocol: "amqp", operation: "basic.ack" }, run: lose },
    ],
  };
});
