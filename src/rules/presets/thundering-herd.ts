import { duration, object, optional } from "../../core/shape.ts";
import type { Preset } from "../rule.ts";
import { onlyProtocol, within } from "./support/match.ts";

interface Options {
  down: number;
  /** Milliseconds for which it takes longer to come in afterwards, and how much longer at most. */
  slow: number;
  ms: number;
  after: number;
}

/** All brokers are gone at once and back at once: all clients come at the same moment, and find them busy. */
const thunderingHerd: Preset<Options> = {
  name: "thundering-herd",
  summary: "all brokers are { down } at once; who comes back waits up to { ms } for { slow } a while",
  options: object({
    down: optional(duration, 2000),
    slow: optional(duration, 5000),
    ms: optional(duration, 1000),
    after: optional(duration, 0),
  }),
  goesBy: ["protocol", "client", "user", "broker", "transport"],
  rules: ({ down, slow, ms, after }, match) => [
    { match: onlyProtocol(match), when: { after: `${after}ms` }, fault: { "broker-restart": { broker: "all", down } } },
    ...within(match, "request", { kafka: ["ApiVersions"], mqtt: ["CONNECT"], amqp: ["connection.open"] }).map((one) => ({
      match: { ...one, direction: "in" as const },
      when: { after: `${after + down}ms` },
      for: slow,
      fault: { latency: { ms: { from: 0, to: ms } } },
    })),
  ],
};

export default thunderingHerd;
