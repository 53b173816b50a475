import { object, optional, text } from "../../core/shape.ts";
import { fail } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import { protocolsWith } from "./support/errors.ts";
import { at, placeOf } from "./support/place.ts";

/**
 * Answered with one of the protocol's own errors, without being carried out; with `direction: out` after
 * it was. Names are checked: a rule that names no protocol acts in those that have the error.
 */
const error: Fault<{ code: string; message?: string | undefined }> = {
  name: "error",
  summary:
    'answered with the protocol\'s error { code: NOT_LEADER_OR_FOLLOWER, "Quota exceeded", NOT_FOUND, … }, with a { message } where it has room for one',
  options: object({ code: text, message: optional(text) }),
  plugin({ code, message }, match) {
    const protocol = protocolsWith(code, match, ["code"]);
    const place = placeOf(match);
    if (place === "delivery")
      throw new FaultError("a delivery has no answer that could be an error: name the operation, or leave out direction and queue");
    return at(place, { match: { protocol }, run: () => fail(code as never, message ?? "error") });
  },
};

export default error;
