import { duration, object, optional } from "../../core/shape.ts";
import { hang } from "../../hooks/plugin.ts";
import type { Fault } from "../rule.ts";
import { at, placeOf } from "./support/place.ts";

/** From the message or operation on that strikes it, a connection is open and dead: nothing is handled, nothing is said. */
const hung: Fault<{ ms?: number | undefined }> = {
  name: "hang",
  summary: "nothing comes any more, and the connection stays open, or is reset after { ms }",
  options: object({ ms: optional(duration) }),
  plugin: ({ ms }, match) => at(placeOf(match), () => hang(ms, "hang")),
};

export default hung;
