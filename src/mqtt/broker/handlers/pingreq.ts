import type { Handler } from "../handler.ts";
import { decode } from "../../wire/packets.ts";

/** PINGREQ (3.12). */
const pingreq: Handler = {
  type: "PINGREQ",
  handle(link, buf, start, end) {
    decode(buf, start, end, link.version);
    link.send({ type: "PINGRESP" });
  },
};
export default pingreq;
