import { describe, expect, test } from "bun:test";
import { Framer } from "../../src/bytes/framer.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { decode, encode, frameLength, type Packet, type Properties, type Version } from "../../src/mqtt/wire/packets.ts";
import { propertiesOf, type PropertyName, type PropertyPlace } from "../../src/mqtt/wire/properties.ts";
import { writePublish } from "../../src/mqtt/wire/publish.ts";
import { mayCarry, MqttError, PACKET_TYPES, REASONS, returnCode, type ReasonName } from "../../src/mqtt/wire/reasons.ts";
import { essence, generateWithLibrary, parseWithLibrary, plain, toLibrary } from "./oracle.ts";

/** Numbers stand for themselves, text for its bytes. */
function bytes(...parts: (number | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))));
}
const noOptions = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

/** Every case is read, written, compared with the library both ways, cut short and mutated. */
const cases: { name: string; versions: Version[]; bytes: Buffer; packet: Packet }[] = [
  {
    name: "smallest CONNECT of 3.1",
    versions: [3],
    bytes: bytes(0x10, 15, 0, 6, "MQIsdp", 3, 0x02, 0, 60, 0, 1, "c"),
    packet: { type: "CONNECT", version: 3, cleanStart: true, keepAlive: 60, clientId: "c" },
  },
  {
    name: "CONNECT of 3.1.1 with everything",
    versions: [4],
    bytes: bytes(
      0x10,
      38,
      0,
      4,
      "MQTT",
      4,
      0b1110_1100, // user name, password, will retain, will QoS 1, will, no clean session
      0x01,
      0x2c, // keep alive 300
      0,
      2,
      "id",
      0,
      6,
      "will/t",
      0,
      4,
      "gone",
      0,
      4,
      "user",
      0,
      2,
      0xff,
      0x00,
    ),
    packet: {
      type: "CONNECT",
      version: 4,
      cleanStart: false,
      keepAlive: 300,
      clientId: "id",
      will: { topic: "will/t", payload: Buffer.from("gone"), qos: 1, retain: true },
      username: "user",
      password: bytes(0xff, 0x00),
    },
  },
  {
    name: "CONNECT of 5.0 with properties of its own and of its Will",
    versions: [5],
    bytes: bytes(
      0x10,
      65,
      0,
      4,
      "MQTT",
      5,
      0b0000_1110,
      0,
      0,
      20, // properties
      0x11,
      0,
      0,
      0,
      10, // session expiry interval
      0x21,
      0,
      5, // receive maximum
      0x27,
      0,
      0,
      4,
      0, // maximum packet size
      0x26,
      0,
      1,
      "k",
      0,
      1,
      "v",
      0,
      0, // empty client id
      20, // will properties
      0x18,
      0,
      0,
      0,
      3, // will delay interval
      0x01,
      1, // payload is UTF-8
      0x26,
      0,
      1,
      "a",
      0,
      1,
      "1",
      0x03,
      0,
      3,
      "txt",
      0,
      6,
      "will/t",
      0,
      1,
      "x",
    ),
    packet: {
      type: "CONNECT",
      version: 5,
      cleanStart: true,
      keepAlive: 0,
      clientId: "",
      properties: { sessionExpiryInterval: 10, receiveMaximum: 5, maximumPacketSize: 1024, userProperties: [["k", "v"]] },
      will: {
        topic: "will/t",
        payload: Buffer.from("x"),
        qos: 1,
        retain: false,
        properties: { willDelayInterval: 3, payloadFormatIndicator: true, userProperties: [["a", "1"]], contentType: "txt" },
      },
    },
  },
  { name: "CONNACK", versions: [3, 4], bytes: bytes(0x20, 2, 1, 0), packet: { type: "CONNACK", sessionPresent: true, code: 0 } },
  {
    name: "CONNACK of 5.0",
    versions: [5],
    bytes: bytes(0x20, 12, 0, 0x00, 9, 0x12, 0, 4, "auto", 0x24, 1),
    packet: { type: "CONNACK", sessionPresent: false, code: 0, properties: { assignedClientIdentifier: "auto", maximumQoS: true } },
  },
  {
    name: "PUBLISH in QoS 0",
    versions: [3, 4],
    bytes: bytes(0x31, 7, 0, 3, "a/b", "hi"),
    packet: { type: "PUBLISH", topic: "a/b", payload: Buffer.from("hi"), qos: 0, retain: true, dup: false, id: 0 },
  },
  {
    name: "PUBLISH in QoS 2, sent again",
    versions: [3, 4],
    bytes: bytes(0b0011_1100, 7, 0, 3, "a/b", 0x12, 0x34),
    packet: { type: "PUBLISH", topic: "a/b", payload: Buffer.alloc(0), qos: 2, retain: false, dup: true, id: 0x1234 },
  },
  {
    name: "PUBLISH of 5.0 without properties",
    versions: [5],
    bytes: bytes(0x32, 9, 0, 1, "t", 0, 7, 0, "pay"),
    packet: { type: "PUBLISH", topic: "t", payload: Buffer.from("pay"), qos: 1, retain: false, dup: false, id: 7 },
  },
  {
    name: "PUBLISH of 5.0 with user properties in their order",
    versions: [5],
    bytes: bytes(
      0x30,
      40,
      0,
      0,
      36,
      0x23,
      0,
      9, // topic alias
      0x26,
      0,
      1,
      "b",
      0,
      1,
      "1",
      0x26,
      0,
      1,
      "b",
      0,
      1,
      "2",
      0x26,
      0,
      1,
      "c",
      0,
      1,
      "3",
      0x0b,
      0x80,
      0x01,
      0x0b,
      2, // subscription identifiers 128 and 2
      0x08,
      0,
      2,
      "re",
      0x01,
      0,
      "!",
    ),
    packet: {
      type: "PUBLISH",
      topic: "",
      payload: Buffer.from("!"),
      qos: 0,
      retain: false,
      dup: false,
      id: 0,
      properties: {
        topicAlias: 9,
        userProperties: [
          ["b", "1"],
          ["b", "2"],
          ["c", "3"],
        ],
        subscriptionIdentifier: [128, 2],
        responseTopic: "re",
        payloadFormatIndicator: false,
      },
    },
  },
  ...(["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"] as const).flatMap((type, i) => {
    const head = [0x40, 0x50, 0x62, 0x70][i]!;
    const bad = i < 2 ? 0x87 : 0x92;
    const versions: Version[] = [5];
    return [
      { name: type, versions: [3, 4, 5] as Version[], bytes: bytes(head, 2, 0, 9), packet: { type, id: 9, code: 0 } },
      { name: `${type} with a reason`, versions, bytes: bytes(head, 3, 1, 0, bad), packet: { type, id: 256, code: bad } },
      {
        name: `${type} with a reason string`,
        versions,
        bytes: bytes(head, 9, 1, 0, bad, 5, 0x1f, 0, 2, "no"),
        packet: { type, id: 256, code: bad, properties: { reasonString: "no" } },
      },
    ];
  }),
  {
    name: "SUBSCRIBE",
    versions: [3, 4],
    bytes: bytes(0x82, 14, 0, 1, 0, 3, "a/+", 0, 0, 3, "b/#", 2),
    packet: {
      type: "SUBSCRIBE",
      id: 1,
      subscriptions: [
        { filter: "a/+", qos: 0, ...noOptions },
        { filter: "b/#", qos: 2, ...noOptions },
      ],
    },
  },
  {
    name: "SUBSCRIBE of 5.0 with options",
    versions: [5],
    bytes: bytes(0x82, 10, 0, 1, 3, 0x0b, 0xff, 0x7f, 0, 1, "t", 0b0010_1101),
    packet: {
      type: "SUBSCRIBE",
      id: 1,
      properties: { subscriptionIdentifier: [16383] },
      subscriptions: [{ filter: "t", qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
    },
  },
  { name: "SUBACK", versions: [3, 4], bytes: bytes(0x90, 5, 0, 1, 0, 2, 0x80), packet: { type: "SUBACK", id: 1, codes: [0, 2, 0x80] } },
  { name: "SUBACK of 5.0", versions: [5], bytes: bytes(0x90, 5, 0, 1, 0, 1, 0x8f), packet: { type: "SUBACK", id: 1, codes: [1, 0x8f] } },
  { name: "UNSUBSCRIBE", versions: [3, 4], bytes: bytes(0xa2, 5, 0, 1, 0, 1, "t"), packet: { type: "UNSUBSCRIBE", id: 1, filters: ["t"] } },
  {
    name: "UNSUBSCRIBE of 5.0",
    versions: [5],
    bytes: bytes(0xa2, 6, 0, 1, 0, 0, 1, "t"),
    packet: { type: "UNSUBSCRIBE", id: 1, filters: ["t"] },
  },
  { name: "UNSUBACK", versions: [3, 4], bytes: bytes(0xb0, 2, 0, 1), packet: { type: "UNSUBACK", id: 1, codes: [] } },
  { name: "UNSUBACK of 5.0", versions: [5], bytes: bytes(0xb0, 4, 0, 1, 0, 0x11), packet: { type: "UNSUBACK", id: 1, codes: [0x11] } },
  { name: "PINGREQ", versions: [3, 4, 5], bytes: bytes(0xc0, 0), packet: { type: "PINGREQ" } },
  { name: "PINGRESP", versions: [3, 4, 5], bytes: bytes(0xd0, 0), packet: { type: "PINGRESP" } },
  { name: "DISCONNECT", versions: [3, 4, 5], bytes: bytes(0xe0, 0), packet: { type: "DISCONNECT", code: 0 } },
  {
    name: "DISCONNECT with reason and properties",
    versions: [5],
    bytes: bytes(0xe0, 7, 0x04, 5, 0x11, 0, 0, 1, 0),
    packet: { type: "DISCONNECT", code: 4, properties: { sessionExpiryInterval: 256 } },
  },
  {
    name: "AUTH",
    versions: [5],
    bytes: bytes(0xf0, 12, 0x18, 10, 0x15, 0, 3, "ABC", 0x16, 0, 1, 0xee),
    packet: { type: "AUTH", code: 0x18, properties: { authenticationMethod: "ABC", authenticationData: bytes(0xee) } },
  },
];
const runs = cases.flatMap((one) => one.versions.map((version) => ({ ...one, version, title: `${one.name}, level ${version}` })));

function written(packet: Packet, version: Version): Buffer {
  const w = new Writer();
  encode(w, packet, version);
  return w.toBuffer();
}
function refusal(frame: Buffer, version: Version): MqttError {
  try {
    decode(frame, 0, frame.length, version);
  } catch (error) {
    if (error instanceof MqttError) return error;
    throw error;
  }
  throw new Error("accepted");
}
describe.each(runs)("$title", ({ bytes: frame, packet, version }) => {
  test("is read", () => {
    const result = decode(frame, 0, frame.length, version);
    expect(plain(result)).toEqual(plain(packet) as never);
  });
  test("is read in the middle of a chunk", () => {
    const chunk = Buffer.concat([bytes(0xff), frame, bytes(0xff)]);
    expect(plain(decode(chunk, 1, 1 + frame.length, version))).toEqual(plain(packet) as never);
  });
  test("is written", () => {
    same(written(packet, version), frame, packet, version);
  });
  test("the library reads the same", () => {
    const like = toLibrary(packet, version) as unknown as Record<string, unknown>;
    const theirs = parseWithLibrary(frame, version);
    if (theirs instanceof Error) throw theirs;
    expect(essence(theirs, like)).toEqual(plain(like) as never);
  });
  test("the library writes the same", () => {
    same(generateWithLibrary(packet, version), frame, packet, version);
  });
  test("cut short at any byte, it is refused or means something else", () => {
    for (let size = 0; size < frame.length - 2; size++) {
      const cut = Buffer.concat([frame.subarray(0, 1), bytes(size), frame.subarray(2, 2 + size)]);
      agree(cut, version);
    }
  });
  test("with any byte changed, it is refused or means what the library reads", () => {
    for (let at = 0; at < frame.length; at++) {
      if (at === 1) continue; // the remaining length is the framer's
      for (const value of [0, 1, 2, 3, 0x0b, 0x26, 0x7f, 0x80, 0xff, frame[at]! ^ 1, frame[at]! ^ 0x10, frame[at]! ^ 0x80]) {
        const changed = Buffer.from(frame);
        changed[at] = value;
        agree(changed, version);
      }
    }
  });
});

/** The same bytes, or, as 5.0 lets packets that end in a reason leave out what is 0 or empty, others that read the same. */
function same(frame: Buffer, expected: Buffer, packet: Packet, version: Version): void {
  if (frame.length > expected.length && "code" in packet) expect(plain(decode(frame, 0, frame.length, version))).toEqual(plain(packet));
  else expect(frame).toEqual(expected);
}

/** Both refuse, or both read the same, or ours is the stricter; never the other way round. */
function agree(frame: Buffer, version: Version): void {
  let ours: Packet;
  try {
    ours = decode(frame, 0, frame.length, version);
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
    return;
  }
  const theirs = parseWithLibrary(frame, version);
  const inVersion = ours.type === "CONNECT" ? ours.version : version;
  if (theirs instanceof Error) {
    if (laxer(ours, theirs, inVersion)) return;
    throw new Error(`accepted ${frame.toString("hex")} although ${theirs.message}`);
  }
  const like = toLibrary(ours, inVersion) as unknown as Record<string, unknown>;
  expect([frame.toString("hex"), essence(theirs, like)]).toEqual([frame.toString("hex"), plain(like)] as never);
}

/** Where ours takes what the library refuses, each with its reason. */
function laxer(ours: Packet, theirs: Error, version: Version): boolean {
  // 3.1 defines DUP and QoS for these packets; the library applies the rule of 3.1.1 to it.
  if (version === 3 && /Invalid header flag bits/.test(theirs.message)) return true;
  // 3.14.2.1 and 3.15.2.1: the reason code and the property length may be left out.
  if ((ours.type === "DISCONNECT" || ours.type === "AUTH") && ours.code === 0) return true;
  return false;
}

/** A value for every property, by its type. */
const samples: Required<Properties> = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 4294967295,
  contentType: "text/plain",
  responseTopic: "réponse",
  correlationData: bytes(0, 1, 255),
  subscriptionIdentifier: [268435455],
  sessionExpiryInterval: 1,
  assignedClientIdentifier: "auto-1",
  serverKeepAlive: 65535,
  authenticationMethod: "SCRAM",
  authenticationData: bytes(1),
  requestProblemInformation: false,
  willDelayInterval: 9,
  requestResponseInformation: true,
  responseInformation: "info",
  serverReference: "other:1883",
  reasonString: "because",
  receiveMaximum: 1,
  topicAliasMaximum: 10,
  topicAlias: 3,
  maximumQoS: false,
  retainAvailable: true,
  userProperties: [
    ["x", "y"],
    ["", ""],
  ],
  maximumPacketSize: 100,
  wildcardSubscriptionAvailable: false,
  subscriptionIdentifiersAvailable: true,
  sharedSubscriptionAvailable: false,
};

function carrying(place: PropertyPlace, properties: Properties): Packet {
  const payload = Buffer.from("p");
  switch (place) {
    case "CONNECT":
      return { type: "CONNECT", version: 5, cleanStart: true, keepAlive: 1, clientId: "c", properties };
    case "WILL":
      return {
        type: "CONNECT",
        version: 5,
        cleanStart: true,
        keepAlive: 1,
        clientId: "c",
        will: { topic: "w", payload, qos: 0, retain: false, properties },
      };
    case "CONNACK":
      return { type: "CONNACK", sessionPresent: false, code: 0, properties };
    case "PUBLISH":
      return { type: "PUBLISH", topic: "t", payload, qos: 1, retain: false, dup: false, id: 1, properties };
    case "SUBSCRIBE":
      return { type: "SUBSCRIBE", id: 1, subscriptions: [{ filter: "t", qos: 0, ...noOptions }], properties };
    case "UNSUBSCRIBE":
      return { type: "UNSUBSCRIBE", id: 1, filters: ["t"], properties };
    case "SUBACK":
    case "UNSUBACK":
      return { type: place, id: 1, codes: [0], properties };
    case "DISCONNECT":
    case "AUTH":
      return { type: place, code: 0, properties };
    case "PUBACK":
    case "PUBREC":
    case "PUBREL":
    case "PUBCOMP":
      return { type: place, id: 1, code: 0, properties };
    default:
      throw new Error(`${place} carries no properties`);
  }
}
const places: PropertyPlace[] = [...PACKET_TYPES.filter((type) => !["RESERVED", "PINGREQ", "PINGRESP"].includes(type)), "WILL"];

describe.each(places)("properties of %s", (place) => {
  const allowed = propertiesOf(place);
  const one = (name: PropertyName): Properties => ({
    [name]: samples[name],
    ...(name === "authenticationData" && { authenticationMethod: "SCRAM" }),
  });

  test.each(allowed)("%s, as the library has it", (name) => {
    const packet = carrying(place, one(name));
    const frame = written(packet, 5);
    expect(frame).toEqual(generateWithLibrary(packet, 5));
    expect(plain(decode(frame, 0, frame.length, 5))).toEqual(plain(packet) as never);
  });
  test("all of them at once", () => {
    const packet = carrying(place, Object.fromEntries(allowed.map((name) => [name, samples[name]])));
    const frame = written(packet, 5);
    expect(frame).toEqual(generateWithLibrary(packet, 5));
    expect(plain(decode(frame, 0, frame.length, 5))).toEqual(plain(packet) as never);
  });
  test("those of other packets are malformed", () => {
    for (const name of Object.keys(samples) as PropertyName[]) {
      if (allowed.includes(name)) continue;
      expect([name, refusal(written(carrying(place, { [name]: samples[name] }), 5), 5).reason]).toEqual([name, "Malformed Packet"]);
    }
  });
});

describe("what the library lets pass", () => {
  const publish = (properties: number[]) => bytes(0x30, 4 + properties.length, 0, 1, "t", properties.length, ...properties);
  test.each<[string, Version, Buffer, ReasonName]>([
    ["a property twice", 5, publish([0x01, 0, 0x01, 0]), "Protocol Error"],
    ["a flag of 2", 5, publish([0x01, 2]), "Protocol Error"],
    ["a receive maximum of 0", 5, bytes(0x10, 17, 0, 4, "MQTT", 5, 2, 0, 0, 3, 0x21, 0, 0, 0, 1, "c"), "Protocol Error"],
    ["an unknown property", 5, publish([0x7e, 0]), "Malformed Packet"],
    ["text that is not UTF-8", 4, bytes(0x82, 6, 0, 1, 0, 1, 0xff, 0), "Malformed Packet"],
    ["U+0000 in a text", 4, bytes(0x82, 6, 0, 1, 0, 1, 0, 0), "Malformed Packet"],
    ["a surrogate in a text", 4, bytes(0x82, 8, 0, 1, 0, 3, 0xed, 0xa0, 0x80, 0), "Malformed Packet"],
    ["bytes behind the end of a CONNECT", 4, bytes(0x10, 14, 0, 4, "MQTT", 4, 2, 0, 0, 0, 1, "c", 0), "Malformed Packet"],
    ["a PINGREQ with a body", 4, bytes(0xc0, 1, 0), "Malformed Packet"],
    ["packet identifier 0", 4, bytes(0x82, 6, 0, 0, 0, 1, "t", 0), "Malformed Packet"],
    ["DUP in QoS 0", 4, bytes(0x38, 3, 0, 1, "t"), "Malformed Packet"],
    ["a property section beyond the packet", 5, bytes(0x30, 4, 0, 1, "t", 1), "Malformed Packet"],
  ])("%s is refused", (_name, version, frame, reason) => {
    expect<ReasonName>(refusal(frame, version).reason).toBe(reason);
  });
  test("a byte order mark is kept [MQTT-1.5.4-3]", () => {
    const frame = bytes(0xa2, 9, 0, 1, 0, 5, "\ufeffab");
    expect(decode(frame, 0, frame.length, 4)).toEqual({ type: "UNSUBSCRIBE", id: 1, filters: ["\ufeffab"] });
  });
  test("an error names the packet", () => {
    expect(String(refusal(bytes(0x82, 3, 0, 1, 0), 4))).toStartWith("SUBSCRIBE: ");
  });
});

describe("frame length", () => {
  test("is known from the second to the fifth byte on", () => {
    const length = frameLength(1 << 28);
    for (const [size, header] of [
      [0, [0]],
      [127, [127]],
      [128, [0x80, 1]],
      [16384, [0x80, 0x80, 1]],
      [2097152, [0x80, 0x80, 0x80, 1]],
    ] as const) {
      const frame = bytes(0x30, ...header);
      for (let have = 1; have < frame.length; have++) expect(length(frame, 0, have)).toBe(0);
      expect(length(frame, 0, frame.length)).toBe(size + frame.length);
    }
  });
  test("of five bytes is malformed", () => {
    expect(() => frameLength(1 << 28)(bytes(0x30, 0x80, 0x80, 0x80, 0x80, 1), 0, 6)).toThrow("four bytes");
  });
  test("above the most is refused before the packet has come", () => {
    const framer = new Framer(frameLength(1000), () => {});
    expect(() => framer.push(bytes(0x30, 0xff, 0xff, 0x7f))).toThrow(MqttError);
    expect(framer.buffered).toBeLessThan(100);
  });
});

test("what a correct library refuses can be written", () => {
  const w = new Writer();
  expect(writePublish(w, { head: 0x37, topic: bytes("#", 0xff), id: 0, properties: null, payload: bytes("p") })).toBe(6);
  expect(w.toBuffer()).toEqual(bytes(0x37, 7, 0, 2, "#", 0xff, 0, 0, "p"));
});

test("a large packet leaves no large scratch buffer behind, and is whole", () => {
  const filters = Array.from({ length: 20_000 }, (_, i) => `topic/${i}`);
  const frame = written({ type: "UNSUBSCRIBE", id: 5, filters }, 4);
  expect(decode(frame, 0, frame.length, 4)).toEqual({ type: "UNSUBSCRIBE", id: 5, filters });
});

describe("reasons", () => {
  test("names and codes", () => {
    expect(REASONS["Malformed Packet"]).toBe(0x81);
    expect(REASONS["Wildcard Subscriptions not supported"]).toBe(0xa2);
    expect(mayCarry("PUBACK", "Quota exceeded")).toBe(true);
    expect(mayCarry("PUBREL", "Quota exceeded")).toBe(false);
    expect(mayCarry("SUBACK", "Success")).toBe(false);
  });
  test("what 3.x says in a CONNACK", () => {
    expect(returnCode("Unsupported Protocol Version")).toBe(1);
    expect(returnCode("Client Identifier not valid")).toBe(2);
    expect(returnCode("Quota exceeded")).toBe(3);
    expect(returnCode("Bad User Name or Password")).toBe(4);
    expect(returnCode("Not authorized")).toBe(5);
  });
});
