import { AckView, PUBCOMP } from "../../wire/acks.ts";
import type { Handler } from "../handler.ts";
import { REASONS } from "../../wire/reasons.ts";

const view = new AckView();

/** PUBREL (3.6): the client will not send this packet identifier's message again [MQTT-4.3.3-11]. */
const pubrel: Handler = {
  type: "PUBREL",
  handle(link, buf, start, end) {
    view.read(buf, start, end, link.version);
    const known = link.session!.received.delete(view.id);
    link.respond(PUBCOMP, view.id, known ? 0 : REASONS["Packet Identifier not found"]);
  },
};
export default pubrel;
