import { object, optional, whole } from "../../core/shape.ts";
import { duplicate } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import { withoutKafka } from "./support/protocols.ts";
import { at, placeOf } from "./support/place.ts";

/** Messages are stored more than once; on the way out they come to the consumer again, as a redelivery. */
const doubled: Fault<{ times: number }> = {
  name: "duplicate",
  summary: "stored, or with direction: out delivered, { times } more times, once unless told",
  options: object({ times: optional(whole(1, 1000), 1) }),
  plugin({ times }, match) {
    const place = placeOf(match);
    if (place === "request" || place === "response") throw new FaultError("duplicate acts on messages: name no operation and no group");
    const run = () => duplicate(times, "duplicate");
    if (place === "message") return { message: run };
    return at(place, {
      match: withoutKafka(
        match,
        "Kafka's consumers go by offsets, and two records cannot have one: let it happen to the message instead, without direction",
      ),
      run,
    });
  },
};

export default doubled;
