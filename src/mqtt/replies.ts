import type { Packet, Version } from "./packets.ts";
import { mayCarry, REASONS, type ErrorName } from "./reasons.ts";

/** The packet that answers another one, as if all had gone well; null where none does. */
function answerTo(packet: Packet): Packet | null {
  switch (packet.type) {
    case "CONNECT":
      return { type: "CONNACK", sessionPresent: false, code: 0 };
    case "PUBLISH":
      return packet.qos === 0 ? null : { type: packet.qos === 1 ? "PUBACK" : "PUBREC", id: packet.id, code: 0 };
    case "PUBREC":
      return { type: "PUBREL", id: packet.id, code: 0 };
    case "PUBREL":
      return { type: "PUBCOMP", id: packet.id, code: 0 };
    case "SUBSCRIBE":
      return { type: "SUBACK", id: packet.id, codes: packet.subscriptions.map(({ qos }) => qos) };
    case "UNSUBSCRIBE":
      return { type: "UNSUBACK", id: packet.id, codes: packet.filters.map(() => 0) };
    case "PINGREQ":
      return { type: "PINGRESP" };
    default:
      return null;
  }
}

/** The answer to a packet with fields of a hook's choosing. */
export function replyTo(packet: Packet, body: object): Packet | null {
  const answer = answerTo(packet);
  return answer === null ? null : ({ ...answer, ...body, type: answer.type } as Packet);
}

/** The answer that carries an error; null where the version or the packet has none for it. */
export function refusalOf(packet: Packet, code: ErrorName, version: Version): Packet | null {
  const answer = answerTo(packet);
  if (answer === null) return null;
  if (version < 5) return answer.type === "SUBACK" ? { ...answer, codes: answer.codes.map(() => 0x80) } : null;
  if (!mayCarry(answer.type, code)) return null;
  if ("codes" in answer) return { ...answer, codes: answer.codes.map(() => REASONS[code]) };
  return "code" in answer ? { ...answer, code: REASONS[code] } : null;
}
