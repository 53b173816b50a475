import { object } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { brokersOf, checkBroker, where, type Where } from "./support/where.ts";

/** A broker goes away: connections are reset, its port refuses. It is back when it is over. */
const brokerKill: Fault<{ broker?: Where }> = {
  name: "broker-kill",
  summary: "a { broker } goes away, its connections are reset: a Kafka node id, mqtt, amqp or all",
  options: object({ broker: where }),
  check: ({ broker }, match, world) => checkBroker("broker-kill", broker, match, world),
  act({ broker: which }, match, broker) {
    const killed = brokersOf(which, match, broker);
    for (const one of killed) broker.killBroker(one);
    return () => {
      const down = broker
        .brokers()
        .filter(({ up }) => !up)
        .map((one) => one.broker);
      for (const one of killed) if (down.includes(one)) broker.restartBroker(one);
    };
  },
};

export default brokerKill;
