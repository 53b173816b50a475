import { duration, object, optional, whole } from "../../core/shape.ts";
import { reorder, type At } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import { at, placeOf } from "./support/place.ts";
import { withoutKafka } from "./support/protocols.ts";

/** Messages for one destination change places, no further than within a window; on the way out those to one consumer. */
const reordered: Fault<{ window: number; ms: number }> = {
  name: "reorder",
  summary: "messages change places within a { window } of 5, waiting for others no longer than { ms: 1s }",
  options: object({ window: optional(whole(2, 10_000), 5), ms: optional(duration, 1000) }),
  plugin({ window, ms }, match) {
    const place = placeOf(match);
    if (place === "request" || place === "response") throw new FaultError("reorder acts on messages: name no operation and no group");
    const run = (_message: unknown, { random }: At) => {
      const places = random.int(0, window - 1);
      return places === 0 ? undefined : reorder(places, ms, "reorder");
    };
    if (place === "message") return { message: run };
    return at(place, {
      match: withoutKafka(
        match,
        "Kafka's consumers go by offsets, which only rise: let it happen to the message instead, without direction",
      ),
      run,
    });
  },
};

export default reordered;
