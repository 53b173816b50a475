import { object, optional, several, text, whole, word } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";
import { checkNode, filterOf } from "./support/where.ts";

interface Options {
  /** Clients and brokers that cannot reach each other; those of the rule's match when left out. */
  client?: string[] | undefined;
  broker?: number[] | undefined;
  /** What is lost, seen from the broker. */
  direction: "in" | "out" | "both";
}

/** Clients cannot reach brokers, as when packets are lost between them: nothing is closed, and who connects hears nothing. */
const partition: Fault<Options> = {
  name: "partition",
  summary: "clients cannot reach brokers { broker }, one way with { direction: in } or out",
  options: object({
    client: optional(several(text)),
    broker: optional(several(whole(1))),
    direction: optional(word("in", "out", "both"), "both"),
  }),
  check({ broker: brokers }, _match, world) {
    for (const one of brokers ?? []) checkNode(one, world, ["broker"]);
  },
  act({ client, broker: brokers, direction }, match, broker) {
    const filter = filterOf({ ...match, ...(client && { client }), ...(brokers && { broker: brokers }) });
    broker.partition(filter, { direction });
    return () => void broker.heal(filter);
  },
};

export default partition;
