import { describe, expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { Writer } from "../../src/bytes/writer.ts";
import { encode, type Packet } from "../../src/mqtt/wire/packets.ts";
import type { ReasonName } from "../../src/mqtt/wire/reasons.ts";
import { Random, hashRule } from "../../src/hooks/random.ts";
import { settled } from "../support/memory.ts";
import { TestBroker, VERSIONS, type TestClient } from "./client.ts";

type Bytes = (number | string)[];

describe.each(VERSIONS)("level %d: a connection is closed by", (version) => {
  const props = version === 5 ? [0] : [];
  const after: [string, Bytes, ReasonName][] = [
    ["a second CONNECT", [0x10, 0], "Protocol Error"],
    ["packet type 0", [0x00, 0], "Protocol Error"],
    ["a packet that servers send", [0x20, 2, 0, 0], "Protocol Error"],
    ["PUBLISH in QoS 3", [0x36, 5 + props.length, 0, 1, "t", 0, 1, ...props], "Malformed Packet"],
    ["PUBLISH with packet identifier 0", [0x32, 5 + props.length, 0, 1, "t", 0, 0, ...props], "Protocol Error"],
    ["PUBLISH to a topic with a wildcard", [0x30, 5 + props.length, 0, 3, "a/+", ...props], "Protocol Error"],
    ["PUBLISH to an empty topic", [0x30, 2 + props.length, 0, 0, ...props], "Protocol Error"],
    ["PUBLISH to a topic that is not UTF-8", [0x30, 3 + props.length, 0, 1, 0xff, ...props], "Malformed Packet"],
    ["PUBLISH to a topic with U+0000", [0x30, 3 + props.length, 0, 1, 0, ...props], "Malformed Packet"],
    ["PUBLISH whose topic is longer than the packet", [0x30, 3, 0, 9, "t"], "Malformed Packet"],
    ["SUBSCRIBE in QoS 3", [0x82, 6 + props.length, 0, 1, ...props, 0, 1, "t", 3], "Malformed Packet"],
    ["SUBSCRIBE without a filter", [0x82, 2 + props.length, 0, 1, ...props], "Protocol Error"],
    ["SUBSCRIBE with packet identifier 0", [0x82, 6 + props.length, 0, 0, ...props, 0, 1, "t", 0], "Malformed Packet"],
    ["UNSUBSCRIBE without a filter", [0xa2, 2 + props.length, 0, 1, ...props], "Protocol Error"],
    ["PINGREQ with flags", [0xc1, 0], "Malformed Packet"],
    ["PINGREQ with a body", [0xc0, 1, 0], "Malformed Packet"],
    ["PUBACK without an identifier", [0x40, 0], "Malformed Packet"],
    ["a remaining length of five bytes", [0x30, 0xff, 0xff, 0xff, 0xff, 1], "Malformed Packet"],
    ["AUTH that nobody asked for", [0xf0, 0], "Protocol Error"],
  ];
  test.each(after)("%s", async (_name, bytes, reason) => {
    const t = new TestBroker();
    const beside = await t.client(4);
    const client = await t.client(version);
    client.raw(...bytes);
    await client.closedWith(reason);
    await beside.nothing();
    expect(t.broker.sessions.size).toBe(1);
  });

  test("SUBSCRIBE without its flags, but 3.1 knows them not", async () => {
    const client = await new TestBroker().client(version);
    client.raw(0x80, 6 + props.length, 0, 1, ...props, 0, 1, "t", 0);
    if (version === 3) await client.expect("SUBACK");
    else await client.closedWith("Malformed Packet");
  });

  test("anything before CONNECT, without a word [MQTT-3.1.0-1]", async () => {
    for (const bytes of [[0xc0, 0], [0x30, 3, 0, 1, "t"], [0x82, 6, 0, 1, 0, 1, "t", 0], ["GET / HTTP/1.1\r\n\r\n"]] as Bytes[]) {
      const client = new TestBroker().open(version).raw(...bytes);
      await client.closed();
    }
  });

  test("silence instead of a CONNECT", async () => {
    const t = new TestBroker();
    const client = t.open(version);
    await t.advance(31);
    await client.closed();
  });
});

describe("a CONNECT is refused", () => {
  const code = async (client: TestClient): Promise<number> => {
    const connack = await client.expect("CONNACK");
    await client.closed();
    return connack.code;
  };
  test("for a protocol level that nobody knows [MQTT-3.1.2-2]", async () => {
    const t = new TestBroker();
    expect(await code(t.open(4).raw(0x10, 13, 0, 4, "MQTT", 6, 2, 0, 0, 0, 1, "c"))).toBe(1);
    expect(await code(t.open(4).raw(0x10, 15, 0, 6, "MQIsdp", 4, 2, 0, 0, 0, 1, "c"))).toBe(1);
  });
  test("for a protocol name that nobody knows, without a word [MQTT-3.1.2-1]", async () => {
    await new TestBroker().open(4).raw(0x10, 13, 0, 4, "XXXX", 4, 2, 0, 0, 0, 1, "c").closed();
  });
  test("for an authentication method", async () => {
    const t = new TestBroker();
    const client = t.open(5);
    expect((await client.connect({ properties: { authenticationMethod: "SCRAM" } })).code).toBe(0x8c);
    await client.closed();
  });
  test("for a Will topic with wildcards", async () => {
    const t = new TestBroker();
    const will = { topic: "a/#", payload: Buffer.alloc(0), qos: 0, retain: false } as const;
    const five = t.open(5);
    expect((await five.connect({ will })).code).toBe(0x90);
    await five.closed();
  });
  test("in 5.0 with the reason, also when it is malformed", async () => {
    const t = new TestBroker();
    expect(await code(t.open(5).raw(0x10, 14, 0, 4, "MQTT", 5, 3, 0, 0, 0, 0, 1, "c"))).toBe(0x81); // reserved flag
    expect(await code(t.open(5).raw(0x10, 17, 0, 4, "MQTT", 5, 2, 0, 0, 3, 0x21, 0, 0, 0, 1, "c"))).toBe(0x82); // receive maximum 0
    await t.open(4).raw(0x10, 13, 0, 4, "MQTT", 4, 3, 0, 0, 0, 1, "c").closed();
  });
});

test("5.0 is told what was wrong", async () => {
  const client = await new TestBroker().client(5);
  client.raw(0x36, 6, 0, 1, "t", 0, 1, 0);
  expect((await client.expect("DISCONNECT")).properties!.reasonString).toBe("PUBLISH: QoS 3");
});

test("properties that end in the middle are malformed", async () => {
  for (const packet of [
    [0x32, 8, 0, 1, "t", 0, 1, 2, 2, 0],
    [0x40, 6, 0, 1, 0, 2, 0x1f, 0],
    [0x32, 10, 0, 1, "t", 0, 1, 4, 3, 0, 9, "x"],
  ]) {
    const client = await new TestBroker().client(5);
    client.raw(...packet);
    await client.closedWith("Malformed Packet");
  }
});

test("a client that takes no packets that large is told the reason code only", async () => {
  const client = await new TestBroker().client(5, { properties: { maximumPacketSize: 20 } });
  client.raw(0x36, 6, 0, 1, "t", 0, 1, 0);
  expect(await client.expect("DISCONNECT")).toEqual({ type: "DISCONNECT", code: 0x81 });
});

test.each([1, 2, 3])("random garbage never harms the others, seed %d", async (seed) => {
  const random = new Random(hashRule(seed, "garbage"), 0);
  const t = new TestBroker();
  const good = await t.client(5);
  await good.subscribe("good", { qos: 1 });
  for (let i = 0; i < 300; i++) {
    const client = random.chance(0.8) ? await t.client(random.pick(VERSIONS), { clientId: `bad${i}` }) : t.open(4);
    for (let n = random.int(1, 5); n > 0; n--) {
      const body = Buffer.from(Array.from({ length: random.int(0, 40) }, () => random.int(0, 255)));
      const head = random.int(0, 15) * 16 + random.int(0, 15);
      client.raw(head, random.chance(0.9) ? body.length : random.int(0, 255), body);
    }
    if (i % 20 === 0) {
      good.publish("good", String(i), { qos: 1 });
      const got = await good.rest();
      expect(got.map(({ type }) => type).sort()).toEqual(["PUBACK", "PUBLISH"]);
      for (const packet of got) if (packet.type === "PUBLISH") good.send({ type: "PUBACK", id: packet.id, code: 0 });
    }
    await settled();
    client.memory.close();
  }
  await settled();
  expect(t.broker.connected).toBe(1);
  expect(t.house.lines.length).toBeGreaterThan(100);
  expect(t.house.lines.filter((line) => /(Type|Range|Reference|Syntax)Error/.test(line))).toEqual([]);
  expect(t.broker.host.net.counts.mqtt.active).toBe(1);
});

test("a hundred thousand malformed frames leave nothing behind, and a client beside them loses nothing", async () => {
  const seed = 20261121;
  const random = new Random(hashRule(seed, "malformed"), 0);
  const t = new TestBroker();
  t.broker.options.maxRetainedBytes = 0;
  const good = await t.client(5);
  await good.subscribe("good", { qos: 1 });
  // Packets that are right, of both versions, to be spoilt.
  const samples: Record<4 | 5, Buffer[]> = { 4: [], 5: [] };
  const connects = {
    4: Buffer.from("\x10\x0f\0\x04MQTT\x04\x02\0\0\0\x03bad"),
    5: Buffer.from("\x10\x10\0\x04MQTT\x05\x02\0\0\0\0\x03bad"),
  };
  for (const version of [4, 5] as const) {
    const writer = new Writer();
    const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const payload = Buffer.from("payload");
    const properties = version === 5 ? { userProperties: [["k", "v"]] as [string, string][] } : undefined;
    for (const packet of [
      {
        type: "PUBLISH",
        topic: "a/b",
        payload,
        qos: 1,
        retain: false,
        dup: false,
        id: 7,
        properties: { ...properties, contentType: "t", topicAlias: 1 },
      },
      { type: "PUBLISH", topic: "a/b", payload, qos: 2, retain: true, dup: false, id: 8, properties },
      { type: "PUBLISH", topic: "a/b", payload, qos: 0, retain: false, dup: false, id: 0 },
      {
        type: "SUBSCRIBE",
        id: 9,
        subscriptions: [
          { filter: "a/+", qos: 1, ...plain },
          { filter: "$share/g/a", qos: 2, ...plain },
        ],
        properties,
      },
      { type: "UNSUBSCRIBE", id: 10, filters: ["a/+", "b"], properties },
      { type: "PUBREL", id: 8, code: version === 5 ? 0x92 : 0, properties },
      { type: "PUBACK", id: 1, code: version === 5 ? 0x87 : 0, properties },
      { type: "DISCONNECT", code: 0, properties },
    ] as Packet[]) {
      writer.pos = 0;
      encode(writer, packet, version);
      samples[version].push(writer.toBuffer());
    }
  }
  const spoil = (frame: Buffer): Buffer => {
    const copy = Buffer.from(frame);
    for (let n = random.int(1, 3); n > 0; n--) {
      const at = random.int(0, copy.length - 1);
      if (at !== 1) copy[at] = random.int(0, 255);
    }
    const cut = random.chance(0.3) ? copy.subarray(0, random.int(2, copy.length)) : copy;
    if (random.chance(0.95)) cut[1] = cut.length - 2;
    return cut;
  };
  let frames = 0;
  const flood = async (most: number): Promise<void> => {
    for (let connections = 0; frames < most; connections++) {
      const version = random.pick([4, 5] as const);
      const client = t.open(version).raw(connects[version]);
      while (client.memory.closedBy === null) {
        const sample = random.pick(samples[version]);
        const spoilt = random.chance(0.8);
        client.raw(spoilt ? spoil(sample) : sample);
        if (spoilt) frames++;
        await null; // the frame is handled in its own microtask
      }
      if (connections % 100 !== 0) continue;
      good.publish("good", String(frames), { qos: 1 });
      const message = (await good.rest()).find((packet) => packet.type === "PUBLISH");
      expect(message?.payload.toString()).toBe(String(frames));
      good.send({ type: "PUBACK", id: message!.id, code: 0 });
    }
    await settled();
    Bun.gc(true);
  };
  await flood(20_000);
  const before = heapStats().heapSize;
  await flood(100_000);
  expect(heapStats().heapSize).toBeLessThan(before * 1.5 + 4_000_000);
  expect(t.broker.connected).toBe(1);
  expect(t.broker.queuedBytes).toBe(0);
  expect(t.broker.backlog).toBe(0);
  expect(t.house.lines.filter((line) => /(Type|Range|Reference|Syntax)Error/.test(line))).toEqual([]);
}, 60_000);
