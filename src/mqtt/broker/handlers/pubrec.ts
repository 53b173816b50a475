import { AckView } from "../../wire/acks.ts";
import type { Handler } from "../handler.ts";

const view = new AckView();

/** PUBREC (3.5): a QoS 2 copy has arrived for the first time. */
const pubrec: Handler = {
  type: "PUBREC",
  handle(link, buf, start, end) {
    view.read(buf, start, end, link.version);
    link.session!.receivedBy(link, view.id, view.code);
  },
};
export default pubrec;
