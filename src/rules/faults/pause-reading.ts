import { duration, object, optional } from "../../core/shape.ts";
import { delay } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";

/** The client's socket is read once and then left alone for a time: what it sends fills its own buffers. */
const pauseReading: Fault<{ ms: number }> = {
  name: "pause-reading",
  summary: "the client's socket is not read from for { ms: 5s }",
  options: object({ ms: optional(duration, 5000) }),
  plugin({ ms }, { direction }) {
    if (direction === "out") throw new FaultError("it is what clients send that is not read: leave out direction");
    return { bytes: { match: { direction: "in" }, run: () => delay(ms, "pause-reading") } };
  },
};

export default pauseReading;
