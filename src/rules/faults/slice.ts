import { duration, object, optional, size } from "../../core/shape.ts";
import { replace } from "../../hooks/plugin.ts";
import type { Fault } from "../rule.ts";

/** Bytes come in small pieces with a pause between two, either way: frames are cut in their middle. */
const slice: Fault<{ size: number; pause: number }> = {
  name: "slice",
  summary: "bytes in pieces of { size: 16 } with { pause: 10ms } between two",
  options: object({ size: optional(size, 16), pause: optional(duration, 10) }, (options, flaw) => {
    if (options.size < 1) flaw(["size"], "at least 1 byte");
  }),
  plugin: ({ size, pause }) => ({ bytes: ({ data }) => (data.length > size ? replace({ size, pause }, "slice") : undefined) }),
};

export default slice;
