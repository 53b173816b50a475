import { duration, object, optional } from "../../core/shape.ts";
import type { Preset } from "../rule.ts";

interface Options {
  every: number;
  for: number;
  after: number;
}

/** The leaders of Kafka partitions change to and fro. */
const flappingLeader: Preset<Options> = {
  name: "flapping-leader",
  summary: "leaders change { every } second and change back, { for } a while",
  options: object({ every: optional(duration, 2000), for: optional(duration, 30_000), after: optional(duration, 0) }),
  protocols: ["kafka"],
  goesBy: ["protocol", "topic"],
  rules: ({ every, for: lasts, after }, { topic }) => [
    {
      match: { protocol: "kafka" },
      when: { every: `${every}ms`, after: `${after}ms`, until: `${after + lasts}ms` },
      for: every / 2,
      fault: { "leader-change": topic === undefined ? {} : { topic } },
    },
  ],
};

export default flappingLeader;
