import { expire } from "../../hooks/plugin.ts";
import { noOptions, type Fault } from "../rule.ts";

/** The message's time is over before it goes out: by its TTL, or because the topic's retention has passed. */
const expired: Fault = {
  name: "expire",
  summary: "gone before it is delivered, as when TTL or retention have passed",
  options: noOptions,
  plugin: () => ({ delivery: () => expire("expire") }),
};

export default expired;
