import { duration, object } from "../core/shape.ts";
import { delay } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** The client's socket is read once and then left alone for a time: what it sends fills its own buffers. */
const pauseReading: Fault<{ ms: number }> = {
  name: "pause-reading",
  summary: "the client's socket is not read from for { ms: 5s }",
  options: object({ ms: duration }),
  plugin: ({ ms }) => ({ bytes: { match: { direction: "in" }, run: () => delay(ms, "pause-reading") } }),
};

export default pauseReading;
