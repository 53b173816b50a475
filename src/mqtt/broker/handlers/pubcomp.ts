import { AckView } from "../../wire/acks.ts";
import type { Handler } from "../handler.ts";

const view = new AckView();

/** PUBCOMP (3.7): the client has let go of a QoS 2 copy's packet identifier. */
const pubcomp: Handler = {
  type: "PUBCOMP",
  handle(link, buf, start, end) {
    view.read(buf, start, end, link.version);
    link.session!.completed(view.id);
  },
};
export default pubcomp;
