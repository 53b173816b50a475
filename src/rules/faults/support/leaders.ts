import type { Broker, Pattern } from "../../../hooks/plugin.ts";
import type { Undo } from "../../rule.ts";
import { partitionsOf } from "./where.ts";

/**
 * Every partition gets another leader: the next in-sync replica in line, or where there is none the
 * next broker, as after a reassignment. What it returns gives the old ones their place back.
 */
export function changeLeaders(broker: Broker, topic: Pattern, partition?: number | readonly number[], to?: number): Undo {
  const before = partitionsOf(broker, topic, partition);
  for (const { topic, partition, isr, leader } of before) {
    if (to !== undefined) {
      if (to !== leader) broker.movePartition(topic, partition, to);
    } else if (isr.some((id) => id !== leader)) broker.electLeader(topic, partition);
    else broker.movePartition(topic, partition);
  }
  return () => {
    const up = new Set(
      broker
        .brokers()
        .filter((one) => one.up)
        .map((one) => one.broker),
    );
    for (const { topic, partition, leader } of before) if (up.has(leader)) broker.movePartition(topic, partition, leader);
  };
}
