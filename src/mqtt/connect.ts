import type { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";
import { readProperties, readText, writeProperties, writeText, type Properties } from "./properties.ts";
import type { QoS, Version } from "./publish.ts";
import { MqttError } from "./reasons.ts";

/** What is published for a client that goes without a word. */
export interface Will {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  properties?: Properties;
}

export interface Connect {
  type: "CONNECT";
  version: Version;
  /** Clean Session before 5.0. */
  cleanStart: boolean;
  /** Seconds; 0 turns it off. */
  keepAlive: number;
  clientId: string;
  will?: Will;
  username?: string;
  password?: Buffer;
  properties?: Properties;
}

const USERNAME = 0x80, PASSWORD = 0x40, WILL_RETAIN = 0x20, WILL_QOS = 0x18, WILL = 0x04, CLEAN = 0x02, RESERVED = 0x01;

/** The rest of a CONNECT behind its fixed header. Everything in the result is a copy. */
export function readConnect(r: Reader): Connect {
  const protocol = readText(r);
  // [MQTT-3.1.2-1]: another name is not ours to answer.
  if (protocol !== "MQTT" && protocol !== "MQIsdp") throw new MqttError("Protocol Error", `protocol ${JSON.stringify(protocol)}`);
  const level = r.u8();
  if (protocol === "MQIsdp" ? level !== 3 : level !== 4 && level !== 5) {
    throw new MqttError("Unsupported Protocol Version", `${protocol} level ${level}`);
  }
  const version = level as Version;
  const flags = r.u8();
  const willQoS = (flags & WILL_QOS) >> 3;
  if (willQoS === 3) throw new MqttError("Malformed Packet", "Will QoS 3"); // [MQTT-3.1.2-12]
  // 3.1 has servers ignore what follows.
  if (version > 3 && (flags & RESERVED) !== 0) throw new MqttError("Malformed Packet", "reserved connect flag"); // [MQTT-3.1.2-3]
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  if (version > 3 && (flags & WILL) === 0 && (flags & (WILL_QOS | WILL_RETAIN)) !== 0) {
    throw new MqttError("Malformed Packet", "Will flags without a Will");
  }
  // [MQTT-3.1.2-22] of 3.1.1; 5.0 allows it.
  if (version < 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0) throw new MqttError("Malformed Packet", "password without user name");
  const connect: Connect = { type: "CONNECT", version, cleanStart: (flags & CLEAN) !== 0, keepAlive: r.u16(), clientId: "" };
  if (version === 5) {
    const properties = readProperties(r, "CONNECT");
    if (properties !== undefined) connect.properties = properties;
  }
  if (connect.properties?.authenticationData !== undefined && connect.properties.authenticationMethod === undefined) {
    throw new MqttError("Protocol Error", "authenticationData without authenticationMethod"); // 3.1.2.11.10
  }
  connect.clientId = readText(r);
  if ((flags & WILL) !== 0) {
    const properties = version === 5 ? readProperties(r, "WILL") : undefined;
    const topic = readText(r);
    connect.will = { topic, payload: r.copy(r.u16()), qos: willQoS as QoS, retain: (flags & WILL_RETAIN) !== 0 };
    if (properties !== undefined) connect.will.properties = properties;
  }
  // 3.1 allows the fields to be missing although their flags are set.
  const has = (flag: number) => (flags & flag) !== 0 && !(version === 3 && r.remaining === 0);
  if (has(USERNAME)) connect.username = readText(r);
  if (has(PASSWORD)) connect.password = r.copy(r.u16());
  return connect;
}

/** A CONNECT behind its fixed header, as given. */
export function writeConnect(w: Writer, { version, cleanStart, keepAlive, clientId, will, username, password, properties }: Connect): void {
  writeText(w, version === 3 ? "MQIsdp" : "MQTT");
  w.u8(version);
  w.u8(
    (username !== undefined ? USERNAME : 0) | (password !== undefined ? PASSWORD : 0) | (cleanStart ? CLEAN : 0) |
      (will ? WILL | (will.qos << 3) | (will.retain ? WILL_RETAIN : 0) : 0),
  );
  w.u16(keepAlive);
  if (version === 5) writeProperties(w, properties);
  writeText(w, clientId);
  if (will) {
    if (version === 5) writeProperties(w, will.properties);
    writeText(w, will.topic);
    w.u16(will.payload.length);
    w.bytes(will.payload);
  }
  if (username !== undefined) writeText(w, username);
  if (password !== undefined) {
    w.u16(password.length);
    w.bytes(password);
  }
}
