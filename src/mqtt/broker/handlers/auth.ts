import type { Handler } from "../handler.ts";
import { decode } from "../../wire/packets.ts";
import { MqttError } from "../../wire/reasons.ts";

/** AUTH (3.15). No authentication method is offered, so no exchange is ever under way. */
const auth: Handler = {
  type: "AUTH",
  handle(link, buf, start, end) {
    decode(buf, start, end, link.version);
    throw new MqttError("Protocol Error", "AUTH: CONNECT named no authentication method"); // [MQTT-4.12.0-6]
  },
};
export default auth;
