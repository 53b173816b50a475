import { object, optional, whole } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { changeLeaders } from "./support/leaders.ts";
import { checkNode, names, picks } from "./support/where.ts";

interface Options {
  topic?: string[] | undefined;
  /** Node id; the next in line when left out. */
  to?: number | undefined;
}

/** Kafka partitions get other leaders; when it is over, those they had. */
const leaderChange: Fault<Options> = {
  name: "leader-change",
  summary: "Kafka partitions get other leaders, or { to } that broker",
  options: object({ topic: names, to: optional(whole(1)) }),
  protocols: ["kafka"],
  check: ({ to }, _match, world) => checkNode(to, world, ["to"]),
  act: ({ topic, to }, match, broker) => changeLeaders(broker, picks(topic, match.topic), match.partition, to),
};

export default leaderChange;
