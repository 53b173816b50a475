import { Registry } from "prom-client";
import type { Havoq } from "../havoq.ts";
import { addAmqp } from "./amqp.ts";
import { addHouse } from "./house.ts";
import { addKafka } from "./kafka.ts";
import { addMqtt } from "./mqtt.ts";
import { addProcess } from "./process.ts";

/**
 * All metrics. The brokers count in plain numbers, whether or not anybody asks; this is loaded by the
 * first scrape and reads them.
 */
export function metricsOf(havoq: Havoq): Registry {
  const registry = new Registry();
  for (const add of [addKafka, addMqtt, addAmqp, addHouse, addProcess]) add(registry, havoq);
  return registry;
}
