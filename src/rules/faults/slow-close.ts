import { duration, object, optional } from "../../core/shape.ts";
import { delay } from "../../hooks/plugin.ts";
import type { Fault } from "../rule.ts";

/** Whoever ends a connection, the broker's end of the socket stays open for a time. */
const slowClose: Fault<{ ms: number }> = {
  name: "slow-close",
  summary: "when a connection ends, its socket stays open for { ms: 5s }",
  options: object({ ms: optional(duration, 5000) }),
  plugin: ({ ms }) => ({ disconnect: () => delay(ms, "slow-close") }),
};

export default slowClose;
