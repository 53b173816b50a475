import type { Handler } from "../handler.ts";
import { decode, type Unsubscribe } from "../../wire/packets.ts";
import { REASONS } from "../../wire/reasons.ts";
import { parseFilter } from "../../wire/text.ts";

/** UNSUBSCRIBE (3.10). */
const unsubscribe: Handler = {
  type: "UNSUBSCRIBE",
  handle(link, buf, start, end) {
    const { id, filters } = decode(buf, start, end, link.version) as Unsubscribe;
    for (const filter of filters) parseFilter(filter);
    const session = link.session!;
    const codes = filters.map((filter) => {
      const subscription = session.subscriptions.get(filter);
      if (subscription === undefined) return REASONS["No subscription existed"];
      session.subscriptions.delete(filter);
      link.broker.subscriptions.remove(subscription);
      return REASONS["Success"];
    });
    link.send({ type: "UNSUBACK", id, codes });
  },
};
export default unsubscribe;
