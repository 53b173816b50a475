/** Our packets in the words of mqtt-packet, the library that the codec is held against. */
import * as library from "mqtt-packet";
import type { Packet, Properties, Version } from "../../src/mqtt/wire/packets.ts";

type Loose = Record<string, unknown>;

function properties(ours: Properties | undefined): Loose {
  if (ours === undefined || Object.keys(ours).length === 0) return {};
  const theirs: Loose = {};
  for (const [name, value] of Object.entries(ours)) {
    if (name === "userProperties") theirs[name] = grouped(value as [string, string][]);
    else if (name === "subscriptionIdentifier") theirs[name] = (value as number[]).length === 1 ? (value as number[])[0] : value;
    else theirs[name] = name === "maximumQoS" ? Number(value) : value;
  }
  return { properties: theirs };
}

/** The library groups pairs by name, and so loses the order that [MQTT-3.3.2-18] asks for. */
function grouped(pairs: [string, string][]): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    // Its own test for "seen before" is whether the value is truthy: an empty one is overwritten.
    result[name] = result[name] ? ([] as string[]).concat(result[name], value) : value;
  }
  return result;
}

export function toLibrary(packet: Packet, version: Version): library.Packet {
  const cmd = packet.type.toLowerCase();
  const theirs = (fields: Loose) =>
    ({ cmd, ...fields, ...properties("properties" in packet ? packet.properties : undefined) }) as unknown as library.Packet;
  switch (packet.type) {
    case "CONNECT": {
      const { will, version: protocolVersion, cleanStart: clean, keepAlive: keepalive, clientId, username, password } = packet;
      const rest: Loose = { protocolId: protocolVersion === 3 ? "MQIsdp" : "MQTT", protocolVersion, clean, keepalive, clientId };
      if (will)
        rest.will = { topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain, ...properties(will.properties) };
      if (username !== undefined) rest.username = username;
      if (password !== undefined) rest.password = password;
      return theirs(rest);
    }
    case "CONNACK":
      return theirs({ sessionPresent: packet.sessionPresent, [version === 5 ? "reasonCode" : "returnCode"]: packet.code });
    case "PUBLISH": {
      const { topic, payload, qos, retain, dup, id } = packet;
      return theirs({ topic, payload, qos, retain, dup, ...(qos > 0 && { messageId: id }) });
    }
    case "SUBSCRIBE":
      return theirs({
        messageId: packet.id,
        subscriptions: packet.subscriptions.map(({ filter: topic, qos, noLocal: nl, retainAsPublished: rap, retainHandling: rh }) =>
          version === 5 ? { topic, qos, nl, rap, rh } : { topic, qos },
        ),
      });
    case "UNSUBSCRIBE":
      return theirs({ messageId: packet.id, unsubscriptions: packet.filters });
    case "SUBACK":
      return theirs({ messageId: packet.id, granted: packet.codes });
    case "UNSUBACK":
      return theirs({ messageId: packet.id, ...(version === 5 && { granted: packet.codes }) });
    case "PINGREQ":
    case "PINGRESP":
      return theirs({});
    case "DISCONNECT":
    case "AUTH":
    case "PUBACK":
    case "PUBREC":
    case "PUBREL":
    case "PUBCOMP":
      return theirs({ ...("id" in packet && { messageId: packet.id }), ...(version === 5 && { reasonCode: packet.code }) });
  }
}

/** What the library makes of one whole packet; an Error where it refuses it. */
export function parseWithLibrary(bytes: Buffer, version: Version): Loose | Error {
  const parser = library.parser({ protocolVersion: version });
  let result: Loose | Error = new Error("nothing came out");
  parser.on("packet", (packet) => {
    if (!(result instanceof Error) || result.message === "nothing came out") result = packet as unknown as Loose;
  });
  parser.on("error", (error: Error) => (result = error));
  try {
    parser.parse(bytes);
  } catch (error) {
    return error as Error;
  }
  return result;
}

/** The library's packet with only the fields that say something about this packet type. */
export function essence(packet: Loose, like: Loose): Loose {
  return Object.fromEntries(Object.keys(like).map((key) => [key, plain(packet[key])]));
}
export function plain(value: unknown): unknown {
  return value === null || typeof value !== "object" || Buffer.isBuffer(value)
    ? value
    : Array.isArray(value)
      ? value.map(plain)
      : Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}

export function generateWithLibrary(packet: Packet, version: Version): Buffer {
  return library.generate(toLibrary(packet, version), { protocolVersion: version });
}
