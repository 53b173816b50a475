import { duration, object, optional } from "../../core/shape.ts";
import { delay, type At } from "../../hooks/plugin.ts";
import type { Fault } from "../rule.ts";
import { at, namesContent, placeOf } from "./support/place.ts";

/** Bytes come unevenly, either way, each chunk late by a time of its own; or the messages or operations that the rule names. */
const jitter: Fault<{ ms: number }> = {
  name: "jitter",
  summary: "late by a drawn time up to { ms: 50ms }, chunk by chunk of bytes",
  options: object({ ms: optional(duration, 50) }),
  plugin({ ms }, match) {
    const run = (_event: unknown, { random }: At) => delay(random.int(0, ms), "jitter");
    return namesContent(match) ? at(placeOf(match), run) : { bytes: run };
  },
};

export default jitter;
