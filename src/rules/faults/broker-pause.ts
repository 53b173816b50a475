import { object } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { brokersOf, checkBroker, where, type Where } from "./support/where.ts";

/** A broker is silent, as if its process were stopped: connections stay open, new ones are not answered. */
const brokerPause: Fault<{ broker?: Where }> = {
  name: "broker-pause",
  summary: "a { broker } stops answering and closes nothing: a Kafka node id, mqtt, amqp or all",
  options: object({ broker: where }),
  check: ({ broker }, match, world) => checkBroker("broker-pause", broker, match, world),
  act({ broker: which }, match, broker) {
    const paused = brokersOf(which, match, broker);
    for (const one of paused) broker.pauseBroker(one);
    return () => paused.forEach((one) => broker.resumeBroker(one));
  },
};

export default brokerPause;
