import { drop } from "../../hooks/plugin.ts";
import { noOptions, type Fault } from "../rule.ts";
import { at, placeOf } from "./support/place.ts";

/** Messages are acknowledged and lost, deliveries never reach their consumer, operations are swallowed. */
const lost: Fault = {
  name: "drop",
  summary: "lost without a trace",
  options: noOptions,
  plugin: (_options, match) => at(placeOf(match), () => drop("drop")),
};

export default lost;
