import { duration, flag, object, optional } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { brokersOf, checkBroker, where, type Where } from "./support/where.ts";

interface Options {
  broker?: Where;
  /** Milliseconds that it is away. */
  down: number;
  /** Several restart one after the other, with `pause` between them. */
  rolling: boolean;
  pause?: number | undefined;
}

/** A broker restarts; clients lose their connections and find it again. */
const brokerRestart: Fault<Options> = {
  name: "broker-restart",
  summary:
    "a { broker } restarts and is { down } for a while; with { broker: all, rolling: true } one after the other, { pause } between them",
  options: object(
    { broker: where, down: optional(duration, 1000), rolling: optional(flag, false), pause: optional(duration) },
    ({ rolling, pause }, flaw) => {
      if (pause !== undefined && !rolling) flaw(["pause"], "a pause lies between one broker and the next: only with rolling: true");
    },
  ),
  check: ({ broker }, match, world) => checkBroker("broker-restart", broker, match, world),
  async act({ broker: which, down, rolling, pause = 1000 }, match, broker, { clock }) {
    const brokers = brokersOf(which, match, broker);
    if (!rolling) {
      for (const one of brokers) broker.killBroker(one);
      await clock.sleep(down);
      for (const one of brokers) broker.restartBroker(one);
      return;
    }
    for (const [i, one] of brokers.entries()) {
      if (i > 0) await clock.sleep(pause);
      broker.killBroker(one);
      await clock.sleep(down);
      broker.restartBroker(one);
    }
  },
};

export default brokerRestart;
