import type * as Library from "mqtt-packet";
import type { Control } from "./packets.ts";
import type { Properties } from "./properties.ts";
import type { QoS, Version } from "./publish.ts";
import { MqttError, type PacketType } from "./reasons.ts";
import type { Sections } from "./strict.ts";

/**
 * mqtt-packet, loaded with the first control packet: it and what it needs take 7 ms, more than all
 * the rest of the start.
 */
function library(): typeof Library {
  if (loaded === null) {
    loaded = require("mqtt-packet") as typeof Library;
    // It would prepare all 65,536 two-byte numbers before it writes the first one.
    loaded.writeToStream.cacheNumbers = false;
  }
  return loaded;
}
let loaded: typeof Library | null = null;

/** Reads one whole control packet that was inspected before. Everything in the result is a copy. */
export function readControl(type: PacketType, frame: Buffer, version: Version, { own, will }: Sections): Control {
  const parser = library().parser({ protocolVersion: version });
  let packet: Library.Packet | null = null;
  // It goes on after an error, and would throw where nobody listens for it.
  let failure: Error | null = null;
  parser.on("packet", (read) => (packet ??= read));
  parser.on("error", (error: Error) => (failure ??= error));
  parser.parse(frame);
  if (failure !== null || packet === null) throw new MqttError("Malformed Packet", (failure as Error | null)?.message ?? "no packet in it");
  return fromLibrary(type, packet, version, own === undefined ? {} : { properties: own }, will);
}

function fromLibrary(
  type: PacketType,
  read: Library.Packet,
  version: Version,
  section: { properties?: Properties },
  willSection: Properties | undefined,
): Control {
  switch (read.cmd) {
    case "connect": {
      const { will, username, password } = read;
      return {
        type: "CONNECT",
        version: read.protocolVersion!,
        cleanStart: read.clean!,
        keepAlive: read.keepalive!,
        clientId: read.clientId,
        ...(will && {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.payload),
            qos: will.qos!,
            retain: will.retain!,
            ...(willSection && { properties: willSection }),
          },
        }),
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password: Buffer.from(password) }),
        ...section,
      };
    }
    case "connack":
      return {
        type: "CONNACK",
        sessionPresent: read.sessionPresent,
        code: (version === 5 ? read.reasonCode : read.returnCode)!,
        ...section,
      };
    case "subscribe":
      return {
        type: "SUBSCRIBE",
        id: read.messageId!,
        subscriptions: read.subscriptions.map(({ topic, qos, nl = false, rap = false, rh = 0 }) => ({
          filter: topic,
          qos: qos as QoS,
          noLocal: nl,
          retainAsPublished: rap,
          retainHandling: rh as 0 | 1 | 2,
        })),
        ...section,
      };
    case "unsubscribe":
      return { type: "UNSUBSCRIBE", id: read.messageId!, filters: read.unsubscriptions, ...section };
    case "suback":
      return { type: "SUBACK", id: read.messageId!, codes: read.granted as number[], ...section };
    case "unsuback":
      return { type: "UNSUBACK", id: read.messageId!, codes: read.granted ?? [], ...section };
    case "disconnect":
    case "auth":
      return { type: read.cmd === "auth" ? "AUTH" : "DISCONNECT", code: read.reasonCode ?? 0, ...section };
    case "pingreq":
    case "pingresp":
      return { type: read.cmd === "pingreq" ? "PINGREQ" : "PINGRESP" };
    default:
      throw new MqttError("Protocol Error", `packet type ${type}`);
  }
}

/** Writes one control packet. Throws for what mqtt-packet refuses to write. */
export function writeControl(packet: Control, version: Version): Buffer {
  return library().generate(toLibrary(packet, version), { protocolVersion: version });
}

function toLibrary(packet: Control, version: Version): Library.Packet {
  switch (packet.type) {
    case "CONNECT": {
      const { version: protocolVersion, cleanStart: clean, keepAlive: keepalive, clientId, will, username, password } = packet;
      return {
        cmd: "connect",
        protocolId: protocolVersion === 3 ? "MQIsdp" : "MQTT",
        protocolVersion,
        clean,
        keepalive,
        clientId,
        username,
        password,
        ...(will && { will: { ...will, properties: grouped(will.properties) } }),
        properties: grouped(packet.properties),
      };
    }
    case "CONNACK":
      return {
        cmd: "connack",
        sessionPresent: packet.sessionPresent,
        [version === 5 ? "reasonCode" : "returnCode"]: packet.code,
        properties: grouped(packet.properties),
      };
    case "SUBSCRIBE":
      return {
        cmd: "subscribe",
        messageId: packet.id,
        properties: grouped(packet.properties),
        subscriptions: packet.subscriptions.map(({ filter, qos, noLocal, retainAsPublished, retainHandling }) => ({
          topic: filter,
          qos,
          nl: noLocal,
          rap: retainAsPublished,
          rh: retainHandling,
        })),
      };
    case "UNSUBSCRIBE":
      return { cmd: "unsubscribe", messageId: packet.id, unsubscriptions: packet.filters, properties: grouped(packet.properties) };
    case "SUBACK":
    case "UNSUBACK":
      return {
        cmd: packet.type === "SUBACK" ? "suback" : "unsuback",
        messageId: packet.id,
        granted: packet.codes,
        properties: grouped(packet.properties),
      };
    case "DISCONNECT":
    case "AUTH":
      return { cmd: packet.type === "AUTH" ? "auth" : "disconnect", reasonCode: packet.code, properties: grouped(packet.properties) };
    case "PINGREQ":
    case "PINGRESP":
      return { cmd: packet.type === "PINGREQ" ? "pingreq" : "pingresp" };
  }
}

/** Properties in the library's words: pairs grouped by name, one identifier without a list around it. */
function grouped(properties: Properties | undefined): object | undefined {
  if (properties === undefined) return undefined;
  const theirs: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (name === "userProperties") {
      const pairs: Record<string, string[]> = Object.create(null);
      for (const [key, text] of value as [string, string][]) (pairs[key] ??= []).push(text);
      theirs[name] = pairs;
    } else if (name === "subscriptionIdentifier") theirs[name] = (value as number[])[0];
    else theirs[name] = name === "maximumQoS" ? Number(value) : value;
  }
  return theirs;
}
