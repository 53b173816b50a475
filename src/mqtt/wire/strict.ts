import type { Reader } from "../../bytes/reader.ts";
import { readProperties, skipText, type Properties } from "./properties.ts";
import type { Version } from "./publish.ts";
import { MqttError, reasonName, type PacketType } from "./reasons.ts";

/** Property sections of a packet, in the order in which the properties came. */
export interface Sections {
  own?: Properties;
  will?: Properties;
}

/**
 * Holds the body of a control packet against the specification, where mqtt-packet lets more pass:
 * text that is not UTF-8, properties out of place, repeated or out of range, bytes behind the end,
 * identifiers of 0. Throws `MqttError` with the reason that the specification names.
 */
export function inspect(type: PacketType, r: Reader, version: Version): Sections {
  const section = (): Sections => (version === 5 ? { own: readProperties(r, type) } : {});
  switch (type) {
    case "CONNECT":
      return inspectConnect(r);
    case "CONNACK": {
      const flags = r.u8();
      if (flags > 1) throw new MqttError("Malformed Packet", `acknowledge flags ${flags}`);
      r.skip(1);
      return section();
    }
    case "SUBSCRIBE":
    case "UNSUBSCRIBE": {
      identifier(r);
      const sections = section();
      if (r.remaining === 0) throw new MqttError("Protocol Error", "no topic filter"); // [MQTT-3.8.3-2], [MQTT-3.10.3-2]
      while (r.remaining > 0) {
        skipText(r);
        if (type === "SUBSCRIBE") inspectOptions(r.u8(), version);
      }
      return sections;
    }
    case "SUBACK":
    case "UNSUBACK": {
      identifier(r);
      const sections = section();
      if (type === "SUBACK" || version === 5) r.skip(r.remaining);
      return sections;
    }
    case "DISCONNECT":
    case "AUTH": {
      if (version < 5) {
        if (type === "AUTH") throw new MqttError("Protocol Error", "it comes with 5.0");
        return {};
      }
      // A reason code may be left out when it is 0, and the properties when there are none (3.14.2.1, 3.15.2.1).
      const code = r.remaining > 0 ? r.u8() : 0;
      if (reasonName(type, code) === undefined) throw new MqttError("Protocol Error", `reason code ${code}`);
      return r.remaining > 0 ? section() : {};
    }
    default:
      return {};
  }
}

function identifier(r: Reader): void {
  if (r.u16() === 0) throw new MqttError("Malformed Packet", "packet identifier 0"); // [MQTT-2.2.1-3]
}

/** [MQTT-3.8.3-4], [MQTT-3.8.3-5] */
function inspectOptions(options: number, version: Version): void {
  const most = version === 5 ? 0x2f : 0x03;
  if ((options & 3) === 3 || options > most) throw new MqttError("Malformed Packet", `subscription options 0x${options.toString(16)}`);
}

const USERNAME = 0x80,
  PASSWORD = 0x40,
  WILL_RETAIN = 0x20,
  WILL_QOS = 0x18,
  WILL = 0x04,
  RESERVED = 0x01;

function inspectConnect(r: Reader): Sections {
  const sections: Sections = {};
  const nameAt = r.pos;
  skipText(r);
  const name = r.buf.toString("latin1", nameAt + 2, r.pos);
  // [MQTT-3.1.2-1]: another name is not ours to answer.
  if (name !== "MQTT" && name !== "MQIsdp") throw new MqttError("Protocol Error", `protocol ${JSON.stringify(name)}`);
  const level = r.u8();
  if (name === "MQIsdp" ? level !== 3 : level !== 4 && level !== 5) {
    throw new MqttError("Unsupported Protocol Version", `${name} level ${level}`);
  }
  const flags = r.u8();
  if ((flags & RESERVED) !== 0) throw new MqttError("Malformed Packet", "reserved connect flag"); // [MQTT-3.1.2-3]
  if ((flags & WILL_QOS) === WILL_QOS) throw new MqttError("Malformed Packet", "Will QoS 3"); // [MQTT-3.1.2-12]
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  if ((flags & WILL) === 0 && (flags & (WILL_QOS | WILL_RETAIN)) !== 0)
    throw new MqttError("Malformed Packet", "Will flags without a Will");
  // [MQTT-3.1.2-22] of 3.1.1; 5.0 allows it.
  if (level < 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0)
    throw new MqttError("Malformed Packet", "password without user name");
  r.skip(2);
  if (level === 5) sections.own = readProperties(r, "CONNECT");
  if (sections.own?.authenticationData !== undefined && sections.own.authenticationMethod === undefined) {
    throw new MqttError("Protocol Error", "authenticationData without authenticationMethod"); // 3.1.2.11.10
  }
  skipText(r);
  if ((flags & WILL) !== 0) {
    if (level === 5) sections.will = readProperties(r, "WILL");
    skipText(r);
    r.skip(r.u16());
  }
  if ((flags & USERNAME) !== 0) skipText(r);
  if ((flags & PASSWORD) !== 0) r.skip(r.u16());
  return sections;
}
