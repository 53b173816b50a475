import { duration, list, object, optional, whole } from "../../core/shape.ts";
import type { Preset } from "../rule.ts";

interface Options {
  /** Kafka node ids in the zone. */
  brokers: number[];
  for: number;
  after: number;
}

/** A zone is gone: its Kafka brokers die, and the clients in it, which `match: { client }` names, reach nothing. */
const zoneOutage: Preset<Options> = {
  name: "zone-outage",
  summary: "Kafka { brokers: [1] } are gone { for } a while, and the clients of the match reach nothing",
  options: object({ brokers: optional(list(whole(1), 1), [1]), for: optional(duration, 30_000), after: optional(duration, 0) }),
  goesBy: ["client"],
  rules: ({ brokers, for: lasts, after }, { client }) => [
    ...brokers.map((broker) => ({ when: { after: `${after}ms` }, for: lasts, fault: { "broker-kill": { broker } } })),
    ...(client === undefined ? [] : [{ when: { after: `${after}ms` }, for: lasts, fault: { partition: { client } } }]),
  ],
};

export default zoneOutage;
