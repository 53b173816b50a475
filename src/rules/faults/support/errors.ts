import { unknownFlaw } from "../../../core/shape.ts";
import { REPLIES } from "../../../amqp/v091/replies.ts";
import type { Match, Protocol } from "../../../hooks/plugin.ts";
import { FaultError } from "../../rule.ts";
import { Errors } from "../../../kafka/wire/errors.ts";
import { isErrorName, REASONS } from "../../../mqtt/wire/reasons.ts";

/** The names of the errors that each protocol has for its clients. */
const NAMES: Record<Protocol, readonly string[]> = {
  kafka: Object.keys(Errors).filter((name) => name !== "NONE"),
  mqtt: Object.keys(REASONS).filter(isErrorName),
  amqp: [...Object.keys(REPLIES), "nack"],
};

/** The protocols, of those that the rule means, which have an error of this name. Throws FaultError where none has. */
export function protocolsWith(code: string, match: Match, path: readonly string[]): Protocol[] {
  const meant = match.protocol === undefined ? (Object.keys(NAMES) as Protocol[]) : ([match.protocol].flat() as Protocol[]);
  const found = meant.filter((protocol) => NAMES[protocol].includes(code));
  if (found.length === 0) {
    const known = meant.flatMap((protocol) => NAMES[protocol]);
    const { message, didYouMean } = unknownFlaw(
      path,
      `${meant.join(", ")} ${meant.length > 1 ? "have" : "has"} no error ${code}`,
      code,
      known,
    );
    throw new FaultError(message, path, didYouMean);
  }
  return found;
}
