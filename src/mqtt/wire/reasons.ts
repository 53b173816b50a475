import { DecodeError } from "../../bytes/reader.ts";

/** Control packet types, named as in the specification; the index is the number on the wire. */
export const PACKET_TYPES = [
  "RESERVED",
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "AUTH",
] as const;
export type PacketType = (typeof PACKET_TYPES)[number];

/** Code, name and the packets that may carry it: MQTT 5.0, table 2-6. First what went well, then what did not. */
const FINE = [
  [0x00, "Success", "CONNACK PUBACK PUBREC PUBREL PUBCOMP UNSUBACK AUTH"],
  [0x00, "Normal disconnection", "DISCONNECT"],
  [0x00, "Granted QoS 0", "SUBACK"],
  [0x01, "Granted QoS 1", "SUBACK"],
  [0x02, "Granted QoS 2", "SUBACK"],
  [0x04, "Disconnect with Will Message", "DISCONNECT"],
  [0x10, "No matching subscribers", "PUBACK PUBREC"],
  [0x11, "No subscription existed", "UNSUBACK"],
  [0x18, "Continue authentication", "AUTH"],
  [0x19, "Re-authenticate", "AUTH"],
] as const;
const ERRORS = [
  [0x80, "Unspecified error", "CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT"],
  [0x81, "Malformed Packet", "CONNACK DISCONNECT"],
  [0x82, "Protocol Error", "CONNACK DISCONNECT"],
  [0x83, "Implementation specific error", "CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT"],
  [0x84, "Unsupported Protocol Version", "CONNACK"],
  [0x85, "Client Identifier not valid", "CONNACK"],
  [0x86, "Bad User Name or Password", "CONNACK"],
  [0x87, "Not authorized", "CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT"],
  [0x88, "Server unavailable", "CONNACK"],
  [0x89, "Server busy", "CONNACK DISCONNECT"],
  [0x8a, "Banned", "CONNACK"],
  [0x8b, "Server shutting down", "DISCONNECT"],
  [0x8c, "Bad authentication method", "CONNACK DISCONNECT"],
  [0x8d, "Keep Alive timeout", "DISCONNECT"],
  [0x8e, "Session taken over", "DISCONNECT"],
  [0x8f, "Topic Filter invalid", "SUBACK UNSUBACK DISCONNECT"],
  [0x90, "Topic Name invalid", "CONNACK PUBACK PUBREC DISCONNECT"],
  [0x91, "Packet Identifier in use", "PUBACK PUBREC SUBACK UNSUBACK"],
  [0x92, "Packet Identifier not found", "PUBREL PUBCOMP"],
  [0x93, "Receive Maximum exceeded", "DISCONNECT"],
  [0x94, "Topic Alias invalid", "DISCONNECT"],
  [0x95, "Packet too large", "CONNACK DISCONNECT"],
  [0x96, "Message rate too high", "DISCONNECT"],
  [0x97, "Quota exceeded", "CONNACK PUBACK PUBREC SUBACK DISCONNECT"],
  [0x98, "Administrative action", "DISCONNECT"],
  [0x99, "Payload format invalid", "CONNACK PUBACK PUBREC DISCONNECT"],
  [0x9a, "Retain not supported", "CONNACK DISCONNECT"],
  [0x9b, "QoS not supported", "CONNACK DISCONNECT"],
  [0x9c, "Use another server", "CONNACK DISCONNECT"],
  [0x9d, "Server moved", "CONNACK DISCONNECT"],
  [0x9e, "Shared Subscriptions not supported", "SUBACK DISCONNECT"],
  [0x9f, "Connection rate exceeded", "CONNACK DISCONNECT"],
  [0xa0, "Maximum connect time", "DISCONNECT"],
  [0xa1, "Subscription Identifiers not supported", "SUBACK DISCONNECT"],
  [0xa2, "Wildcard Subscriptions not supported", "SUBACK DISCONNECT"],
] as const;

const TABLE = [...FINE, ...ERRORS] as const;

/** A reason code's name, spelled as in MQTT 5.0. */
export type ReasonName = (typeof TABLE)[number][1];
/** Those of 0x80 and above. */
export type ErrorName = (typeof ERRORS)[number][1];

/** Wire code of every reason. */
export const REASONS = Object.fromEntries(TABLE.map(([code, name]) => [name, code])) as Record<ReasonName, number>;

export function isErrorName(name: string): name is ErrorName {
  return ERRORS.some((row) => row[1] === name);
}

const names = new Map<string, ReasonName>();
for (const [code, name, packets] of TABLE) for (const packet of packets.split(" ")) names.set(`${packet} ${code}`, name);

/** The name of `code` in this packet type; undefined where the specification allows it none. */
export function reasonName(packet: PacketType, code: number): ReasonName | undefined {
  return names.get(`${packet} ${code}`);
}

/** Whether a packet of this type may carry the reason. */
export function mayCarry(packet: PacketType, reason: ReasonName): boolean {
  return reasonName(packet, REASONS[reason]) === reason;
}

/** CONNACK return codes of MQTT 3.1 and 3.1.1 (table 3.1). */
const RETURN_CODES = {
  "Connection Accepted": 0,
  "unacceptable protocol version": 1,
  "identifier rejected": 2,
  "Server unavailable": 3,
  "bad user name or password": 4,
  "not authorized": 5,
} as const;

/** The nearest thing that MQTT 3.x can say in a CONNACK. */
export function returnCode(reason: ReasonName): number {
  switch (reason) {
    case "Success":
      return RETURN_CODES["Connection Accepted"];
    case "Unsupported Protocol Version":
      return RETURN_CODES["unacceptable protocol version"];
    case "Client Identifier not valid":
      return RETURN_CODES["identifier rejected"];
    case "Bad User Name or Password":
      return RETURN_CODES["bad user name or password"];
    case "Not authorized":
    case "Banned":
    case "Bad authentication method":
      return RETURN_CODES["not authorized"];
    default:
      return RETURN_CODES["Server unavailable"];
  }
}

/** A packet that the specification forbids, with the reason to close the connection with. */
export class MqttError extends DecodeError {
  constructor(
    readonly reason: ErrorName,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The error that a name stands for. A rule may name one that MQTT does not have: that is printed, and the client
 * gets an error all the same.
 */
export function errorNamed(code: string, { print }: { print(line: string): void }): ErrorName {
  if (isErrorName(code)) return code;
  print(`mqtt: ${JSON.stringify(code)} is no reason code of MQTT, "Unspecified error" goes out`);
  return "Unspecified error";
}
