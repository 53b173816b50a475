import type { Packet, Version } from "./packets.ts";
import { mayCarry, REASONS, returnCode, type ErrorName } from "./reasons.ts";

/** The packet that answers another one, as if all had gone well; null where none does. */
export function answerTo(packet: Packet): Packet | null {
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

/** The answer that carries an error; null where the version or the packet has none for it. */
export function refusalOf(packet: Packet, code: ErrorName, version: Version): Packet | null {
  const answer = answerTo(packet);
  return answer === null ? null : withError(answer, code, version);
}

/** The same answer with an error in it; null where its type cannot carry that one in this version. */
export function withError(answer: Packet, code: ErrorName, version: Version): Packet | null {
  // What has to be said of a whole connection always has a word.
  const reason = (answer.type === "CONNACK" || answer.type === "DISCONNECT") && !mayCarry(answer.type, code) ? "Unspecified error" : code;
  if (version < 5) {
    if (answer.type === "CONNACK") return { ...answer, sessionPresent: false, code: returnCode(reason) };
    return answer.type === "SUBACK" ? { ...answer, codes: answer.codes.map(() => 0x80) } : null;
  }
  if (!mayCarry(answer.type, reason)) return null;
  if ("codes" in answer) return { ...answer, codes: answer.codes.map(() => REASONS[reason]) };
  if (answer.type === "CONNACK") return { ...answer, sessionPresent: false, code: REASONS[reason] }; // [MQTT-3.2.2-6]
  return "code" in answer ? { ...answer, code: REASONS[reason] } : null;
}
