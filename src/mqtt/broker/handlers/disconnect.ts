import type { Handler } from "../handler.ts";
import { decode, type Disconnect } from "../../wire/packets.ts";
import { MqttError, REASONS } from "../../wire/reasons.ts";

/** DISCONNECT (3.14). */
const disconnect: Handler = {
  type: "DISCONNECT",
  handle(link, buf, start, end) {
    const { code, properties } = decode(buf, start, end, link.version) as Disconnect;
    const expiry = properties?.sessionExpiryInterval;
    if (expiry !== undefined) {
      const session = link.session!;
      // 3.14.2.2.2: a session that was to end with the connection cannot be kept after all.
      if (session.expiry === 0 && expiry > 0) throw new MqttError("Protocol Error", "DISCONNECT: session expiry after one of 0");
      session.expiry = expiry === 0xffff_ffff ? Infinity : expiry;
    }
    link.leave(code === REASONS["Disconnect with Will Message"] || code >= 0x80); // [MQTT-3.14.4-3]: only 0x00 discards the Will
  },
};
export default disconnect;
