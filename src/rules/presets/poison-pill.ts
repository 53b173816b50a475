import { object, optional, text, whole } from "../../core/shape.ts";
import type { Preset } from "../rule.ts";

interface Options {
  times: number;
  /** A kind that the fault poison-message knows, or a payload of one's own. */
  as?: string | undefined;
  payload?: string | undefined;
}

/** Now and then a message lies between the others that consumers cannot handle. */
const poisonPill: Preset<Options> = {
  name: "poison-pill",
  summary: "{ times } a message that consumers cannot handle lies before another one: { as: garbage } or a { payload }",
  options: object({ times: optional(whole(1), 1), as: optional(text), payload: optional(text) }),
  rules: ({ times, as, payload }, match) => [
    {
      match,
      when: { times },
      fault: { "poison-message": { beside: true, ...(as !== undefined && { as }), ...(payload !== undefined && { payload }) } },
    },
  ],
};

export default poisonPill;
