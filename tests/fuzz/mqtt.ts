import { Writer } from "../../src/bytes/writer.ts";
import type { Random } from "../../src/hooks/random.ts";
import type { MqttBroker } from "../../src/mqtt/broker/broker.ts";
import { encode, type Packet, type Properties, type Version } from "../../src/mqtt/wire/packets.ts";
import { propertiesOf, type PropertyName, type PropertyPlace, varSize, writeVar } from "../../src/mqtt/wire/properties.ts";
import { PACKET_TYPES, REASONS } from "../../src/mqtt/wire/reasons.ts";
import { TestClient, VERSIONS } from "../mqtt/client.ts";
import { garbage, spoil } from "./spoil.ts";
import type { Attacker, Shot, Stage, Target } from "./target.ts";

const GOOD = "well-behaved";

/** Right values for every property, to be spoilt. */
const PROPERTIES: { [N in PropertyName]?: readonly unknown[] } = {
  payloadFormatIndicator: [true, false],
  messageExpiryInterval: [1, 60],
  contentType: ["text"],
  responseTopic: ["a/answer"],
  correlationData: [Buffer.from("id")],
  subscriptionIdentifier: [[1], [268_435_455]],
  sessionExpiryInterval: [0, 60, 0xffff_ffff],
  requestProblemInformation: [true],
  willDelayInterval: [0, 5],
  requestResponseInformation: [true],
  reasonString: ["because"],
  receiveMaximum: [1, 100],
  topicAliasMaximum: [0, 10],
  topicAlias: [1, 10],
  maximumPacketSize: [50, 1000],
  userProperties: [
    [["k", "v"]],
    [
      ["k", "v"],
      ["k", "w"],
    ],
  ],
};

function properties(
  random: Random,
  version: Version,
  place: PropertyPlace,
  but: readonly PropertyName[] = [],
): { properties?: Properties } {
  if (version < 5) return {};
  const chosen = propertiesOf(place).filter((name) => PROPERTIES[name] !== undefined && !but.includes(name) && random.chance(0.4));
  return { properties: Object.fromEntries(chosen.map((name) => [name, random.pick(PROPERTIES[name]!)])) };
}

/** A packet of each type, clients' and servers', as it should be. */
function packets(random: Random, version: Version): Packet[] {
  const id = random.int(1, 5);
  const subscription = () => ({
    filter: random.pick(["a/b", "a/+", "#", "+/+/c", "$share/g/a/#", "ä/é"]),
    qos: random.pick([0, 1, 2] as const),
    noLocal: false,
    retainAsPublished: version === 5 && random.chance(0.5),
    retainHandling: version === 5 ? random.pick([0, 1, 2] as const) : (0 as const),
  });
  const publish = (qos: 0 | 1 | 2): Packet => ({
    type: "PUBLISH",
    topic: random.pick(["a/b", "a/b/c", "x", "ä/é"]),
    payload: garbage(random, random.int(0, 30)),
    qos,
    retain: random.chance(0.2),
    dup: qos > 0 && random.chance(0.2),
    id: qos === 0 ? 0 : id,
    ...properties(random, version, "PUBLISH", ["subscriptionIdentifier"]),
  });
  const code = version === 5 ? random.pick([0, REASONS["Unspecified error"], REASONS["Packet Identifier not found"]]) : 0;
  const all: Packet[] = [
    connect(random, version, "another"),
    publish(0),
    publish(1),
    publish(2),
    { type: "PUBACK", id, code: code === REASONS["Packet Identifier not found"] ? 0 : code },
    { type: "PUBREC", id, code: code === REASONS["Packet Identifier not found"] ? 0 : code },
    { type: "PUBREL", id, code: code === REASONS["Unspecified error"] ? 0 : code },
    { type: "PUBCOMP", id, code: 0, ...properties(random, version, "PUBCOMP") },
    { type: "SUBSCRIBE", id, subscriptions: [subscription(), subscription()], ...properties(random, version, "SUBSCRIBE") },
    { type: "UNSUBSCRIBE", id, filters: ["a/b", "a/+"], ...properties(random, version, "UNSUBSCRIBE") },
    { type: "PINGREQ" },
    { type: "PINGRESP" },
    { type: "DISCONNECT", code: 0, ...properties(random, version, "DISCONNECT", ["sessionExpiryInterval"]) },
    { type: "CONNACK", sessionPresent: false, code: 0 },
    { type: "SUBACK", id, codes: [0, 1] },
  ];
  return version === 5 ? [...all, { type: "AUTH", code: 0x18, properties: { authenticationMethod: "none" } }] : all;
}

function connect(random: Random, version: Version, clientId = `hostile ${random.int(1, 500)}`): Packet {
  return {
    type: "CONNECT",
    version,
    cleanStart: random.chance(0.8),
    keepAlive: random.pick([0, 60]),
    clientId,
    ...properties(random, version, "CONNECT", ["maximumPacketSize"]),
    ...(random.chance(0.3) && { username: "user", password: Buffer.from("password") }),
    ...(random.chance(0.3) && {
      will: {
        topic: "will",
        payload: Buffer.from("gone"),
        qos: random.pick([0, 1, 2] as const),
        retain: random.chance(0.5),
        ...properties(random, version, "WILL"),
      },
    }),
  };
}

function bytesOf(packet: Packet, version: Version): Buffer {
  const w = new Writer();
  encode(w, packet, version);
  return w.toBuffer();
}

/** Where the body begins: behind the type and the remaining length. */
function bodyOf(frame: Buffer): number {
  let at = 1;
  while (frame[at++]! >= 0x80);
  return at;
}

/** The body under another remaining length. */
function framed(head: number, body: Buffer, length = body.length): Buffer {
  const w = new Writer(8 + body.length);
  w.u8(head);
  writeVar(w, length);
  w.bytes(body);
  return w.toBuffer();
}

export class MqttTarget implements Target {
  readonly protocol = "mqtt";
  readonly connections = 2;
  private readonly corpus = new Map<Version, Buffer[]>();

  private constructor(
    readonly stage: Stage,
    private readonly broker: MqttBroker,
    private readonly publisher: TestClient,
    private readonly subscriber: TestClient,
  ) {}

  static async on(stage: Stage, broker: MqttBroker, random: Random): Promise<MqttTarget> {
    const publisher = new TestClient(await stage.open(), 4);
    await publisher.connect({ clientId: `${GOOD} publisher` });
    const subscriber = new TestClient(await stage.open(), 5);
    await subscriber.connect({ clientId: `${GOOD} subscriber` });
    await subscriber.subscribe(GOOD, { qos: 2 });
    const target = new MqttTarget(stage, broker, publisher, subscriber);
    for (const version of VERSIONS) {
      const corpus: Buffer[] = [];
      for (let i = 0; i < 8; i++) for (const packet of packets(random, version)) corpus.push(bytesOf(packet, version));
      target.corpus.set(version, corpus);
    }
    return target;
  }

  attacker(random: Random): Attacker {
    const version = random.pick(VERSIONS);
    return {
      // Without a CONNECT everything is out of order.
      greeting: () => (random.chance(0.9) ? [bytesOf(connect(random, version), version)] : []),
      shot: () => this.shot(random, version),
      hear: () => [],
    };
  }

  private shot(random: Random, version: Version): Shot {
    const corpus = this.corpus.get(version)!;
    const frame = random.pick(corpus);
    const at = bodyOf(frame),
      body = frame.subarray(at) as Buffer;
    const draw = random.next();
    if (draw < 0.6) {
      // A right length, so that the broker looks further.
      const spoilt = body.length === 0 ? garbage(random, random.int(1, 9)) : spoil(random, body, corpus);
      return { bytes: framed(random.chance(0.1) ? random.int(0, 255) : frame[0]!, spoilt) };
    }
    if (draw < 0.75) return { bytes: spoil(random, frame, corpus), last: random.chance(0.3) };
    if (draw < 0.83) {
      const length = random.pick([0, 1, body.length - 1, body.length + random.int(1, 1000), 1_000_000, 268_435_455]);
      return { bytes: framed(frame[0]!, body, Math.max(0, length)), last: length > body.length };
    }
    if (draw < 0.86) return { bytes: Buffer.concat([frame.subarray(0, 1), Buffer.alloc(random.int(4, 8), 0xff), body]) };
    if (draw < 0.9) return { bytes: framed(random.int(0, 255), body) };
    if (draw < 0.93 && version === 5) return { bytes: wrongProperties(random) };
    // The same packet in the other versions' form, a packet of the other side, a second CONNECT: right, but not here.
    const other = random.pick(VERSIONS);
    return { bytes: other === version ? bytesOf(connect(random, version), version) : random.pick(this.corpus.get(other)!) };
  }

  async exchange(n: number): Promise<void> {
    const { publisher, subscriber } = this;
    const qos = (n % 3) as 0 | 1 | 2,
      id = 1 + (n % 60_000);
    publisher.publish(GOOD, String(n), { qos, id: qos === 0 ? 0 : id });
    if (qos === 1) await publisher.expect("PUBACK");
    if (qos === 2) {
      await publisher.expect("PUBREC");
      publisher.send({ type: "PUBREL", id, code: 0 });
      await publisher.expect("PUBCOMP");
    }
    const message = await subscriber.expect("PUBLISH");
    if (message.payload.toString() !== String(n) || message.qos !== qos || message.dup)
      throw new Error(`message ${n}: ${message.payload} in QoS ${message.qos}`);
    if (qos === 1) subscriber.send({ type: "PUBACK", id: message.id, code: 0 });
    if (qos === 2) {
      subscriber.send({ type: "PUBREC", id: message.id, code: 0 });
      await subscriber.expect("PUBREL");
      subscriber.send({ type: "PUBCOMP", id: message.id, code: 0 });
    }
  }

  async verify(): Promise<void> {
    for (const client of [this.publisher, this.subscriber]) {
      client.send({ type: "PINGREQ" });
      await client.expect("PINGRESP");
    }
    const { broker } = this;
    if (broker.queuedBytes !== 0 || broker.backlog !== 0)
      throw new Error(`${broker.queuedBytes} bytes are queued, ${broker.backlog} wait for slow readers`);
    if (broker.subscriptions.size !== 1) throw new Error(`${broker.subscriptions.size} subscriptions are left`);
  }

  sweep(): void {
    const { broker } = this;
    for (const clientId of [...broker.sessions.keys()]) if (!clientId.startsWith(GOOD)) broker.expireSession(clientId);
    broker.clearRetained("#");
    broker.clearRetained("$SYS/#");
  }
}

/** A PUBLISH with a property twice, of another packet, of an unknown number, or with a length that is not its own. */
function wrongProperties(random: Random): Buffer {
  const list = new Writer();
  for (let n = random.int(1, 4); n > 0; n--) {
    list.u8(random.pick([0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x11, 0x23, 0x26, 0x7f, 0xff, 0]));
    list.bytes(
      random.pick([Buffer.from([0, 0, 0, 1]), Buffer.from([0, 1, 0x61]), Buffer.from([0xff, 0xff]), Buffer.from([1]), Buffer.alloc(0)]),
    );
  }
  const w = new Writer();
  w.u16(3);
  w.utf8("a/b");
  const size = random.chance(0.7) ? list.pos : random.int(0, 300_000);
  writeVar(w, size);
  w.bytes(list.toBuffer());
  return framed(PACKET_TYPES.indexOf("PUBLISH") << 4, w.toBuffer().subarray(0, w.pos - (varSize(size) > 2 ? 1 : 0)) as Buffer);
}
