import { hang } from "../hooks/plugin.ts";
import { noOptions, type Fault } from "../hooks/rule.ts";
import { at, placeOf } from "./support/place.ts";

/** From the message or operation on that strikes it, a connection is open and dead: nothing is handled, nothing is said. */
const hung: Fault = {
  name: "hang",
  summary: "nothing comes any more, and the connection stays open",
  options: noOptions,
  plugin: (_options, match) => at(placeOf(match), () => hang("hang")),
};

export default hung;
