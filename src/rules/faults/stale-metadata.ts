import { flag, object, optional } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { changeLeaders } from "./support/leaders.ts";
import { names, picks } from "./support/where.ts";

interface Options {
  topic?: string[] | undefined;
  /** The leaders change as it begins, so that what metadata tells is wrong; else it only stops to follow. */
  change: boolean;
}

/** Kafka's metadata goes on naming the old leaders, who answer NOT_LEADER_OR_FOLLOWER. */
const staleMetadata: Fault<Options> = {
  name: "stale-metadata",
  summary: "Kafka metadata names leaders that no longer lead; with { change: false } only from the next change on",
  options: object({ topic: names, change: optional(flag, true) }),
  protocols: ["kafka"],
  act({ topic, change }, match, broker) {
    const wanted = picks(topic, match.topic);
    broker.freezeMetadata(wanted);
    if (change) changeLeaders(broker, wanted, match.partition);
    return () => void broker.refreshMetadata(wanted);
  },
};

export default staleMetadata;
