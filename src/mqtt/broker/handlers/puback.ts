import { AckView } from "../../wire/acks.ts";
import type { Handler } from "../handler.ts";

const view = new AckView();

/** PUBACK (3.4): a QoS 1 copy has arrived. */
const puback: Handler = {
  type: "PUBACK",
  handle(link, buf, start, end) {
    view.read(buf, start, end, link.version);
    link.session!.acknowledged(view.id);
  },
};
export default puback;
