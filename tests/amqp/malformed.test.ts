import { expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import { BODY, FRAME_END, HEADER, METHOD, PROTOCOL_HEADER, writeHead, writeMethod } from "../../src/amqp/v091/frames.ts";
import { type ClientMethod, METHODS, type MethodName, specOf } from "../../src/amqp/v091/methods.ts";
import { encodeProperties } from "../../src/amqp/v091/properties.ts";
import { Vhost } from "../../src/amqp/model/vhost.ts";
import { DecodeError } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { hashRule, Random } from "../../src/hooks/random.ts";
import { connectMemory, type MemoryClient } from "../../src/net/memory.ts";
import { settled } from "../support/memory.ts";
import { AmqpHouse } from "./house.ts";

const FRAMES = 100_000;
const SEED = Number(process.env.HAVOQ_SEED ?? 20_250_301);

function written(write: (out: Writer) => void): Buffer {
  const out = new Writer();
  write(out);
  return out.toBuffer();
}
function frame(type: number, channel: number, payload: Buffer): Buffer {
  return written((out) => {
    writeHead(out, type, channel, payload.length);
    out.bytes(payload);
    out.u8(FRAME_END);
  });
}

const clientMethods = (Object.keys(METHODS) as MethodName[]).filter((name) => specOf(name).from !== "server") as ClientMethod[];
const TABLES = [
  FieldTable.EMPTY,
  FieldTable.of({ "x-max-length": 5, "x-dead-letter-exchange": "" }),
  FieldTable.of({ "x-match": "any", a: [1, { b: "c" }] }),
];
const WORDS = ["", "q", "q2", "amq.topic", "amq.headers", "#", "direct", "a.b", "/"];

/** A valid frame, or the three of a publish. */
function valid(random: Random): Buffer {
  const channel = random.int(0, 3);
  if (random.chance(0.3)) {
    const body = Buffer.alloc(random.int(0, 40), 0x62);
    return Buffer.concat([
      written((out) =>
        writeMethod(out, channel, "basic.publish", {
          exchange: random.pick(WORDS),
          routingKey: random.pick(WORDS),
          mandatory: random.chance(0.2),
          immediate: false,
        }),
      ),
      frame(
        HEADER,
        channel,
        written((out) => {
          out.u16(60);
          out.u16(0);
          out.i64n(body.length);
          encodeProperties(random.chance(0.5) ? {} : { headers: random.pick(TABLES), priority: 1, expiration: "10", replyTo: "q" }, out);
        }),
      ),
      ...(body.length > 0 ? [frame(BODY, channel, body)] : []),
    ]);
  }
  const name = random.pick(clientMethods);
  const sample = {
    octet: 1,
    short: random.int(0, 3),
    long: 0,
    longlong: random.int(0, 5),
    timestamp: 1,
    shortstr: random.pick(WORDS),
    longstr: Buffer.from("x"),
    bit: random.chance(0.5),
    table: random.pick(TABLES),
  };
  const args = Object.fromEntries(Object.entries(specOf(name).args).map(([key, type]) => [key, sample[type]]));
  return written((out) => writeMethod(out, channel, name, args as never));
}

/** The same with something wrong in it, most of the time. */
function broken(random: Random): Buffer {
  const bytes = valid(random);
  const at = random.int(0, bytes.length - 1);
  switch (random.int(0, 7)) {
    case 0:
      return bytes;
    case 1:
      bytes[at] = bytes[at]! ^ (1 << random.int(0, 7));
      return bytes;
    case 2:
      bytes[at] = random.int(0, 255);
      return bytes;
    case 3:
      return bytes.subarray(0, at) as Buffer;
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.int(0, 255)]), bytes.subarray(at)]);
    case 5:
      bytes.writeUInt32BE(random.pick([0, 1, 0xffff, 0xffffffff, 0x7fffffff]), Math.min(3, bytes.length - 4));
      return bytes;
    case 6:
      return frame(
        random.pick([METHOD, HEADER, BODY, 8, 0, 9]),
        random.int(0, 3),
        Buffer.from(Array.from({ length: random.int(0, 30) }, () => random.int(0, 255))),
      );
    default:
      if (bytes.length > 12) bytes.writeUInt32BE(random.pick([0xffffffff, 0x7fffffff, 1000]), random.int(7, bytes.length - 4));
      return bytes;
  }
}

const HANDSHAKE = Buffer.concat([
  PROTOCOL_HEADER,
  written((out) => {
    writeMethod(out, 0, "connection.start-ok", {
      clientProperties: FieldTable.EMPTY,
      mechanism: "PLAIN",
      response: Buffer.from("\0a\0b"),
      locale: "",
    });
    writeMethod(out, 0, "connection.tune-ok", { channelMax: 10, frameMax: 4096, heartbeat: 0 });
    writeMethod(out, 0, "connection.open", { virtualHost: "fuzz" });
    for (const channel of [1, 2]) writeMethod(out, channel, "channel.open", {});
  }),
]);

test(`${FRAMES} malformed frames, seed ${SEED}: nothing breaks, nothing is kept, and others lose nothing`, async () => {
  const random = new Random(hashRule(SEED, "malformed"), 0);
  const house = new AmqpHouse({ maxConnections: 10_000 });
  // What cannot be read is answered as such; any other error is one of ours.
  const mistakes: string[] = [];
  house.net.countFailure = (_, error) => {
    if (!(error instanceof DecodeError)) mistakes.push(error.stack!);
  };
  const good = await house.client("good");
  await good.queue("mine");
  await good.consume("mine", { noAck: true });

  let connections = 0;
  let client: MemoryClient | null = null;
  const attack = async (frames: number): Promise<void> => {
    for (let i = 0; i < frames; i++) {
      if (client === null || client.closedBy !== null || client.connection!.isClosed) {
        client = connectMemory(house.broker, house.net);
        client.connection!.receive(Buffer.from(HANDSHAKE));
        connections++;
      }
      client.connection!.receive(broken(random));
      client.readNow();
      // Nobody says close-ok, and whoever waits for the rest of a frame would wait for ever.
      if (random.chance(0.05)) client.connection!.gone();
      if (i % 1000 === 999) {
        good.publish("", "mine", String(i));
        expect(await good.deliveries(1)).toEqual([String(i)]);
        await house.clock.advance(60_000);
      }
    }
    client?.connection!.gone();
    house.broker.vhosts.set(
      "fuzz",
      new Vhost(
        "fuzz",
        house.clock,
        {
          events: null,
          messageOf: () => {
            throw new Error("nobody listens");
          },
        },
        house.host("amqp").random("fuzz"),
      ),
    );
    await settled();
    Bun.gc(true);
  };
  house.broker.vhosts.set(
    "fuzz",
    new Vhost(
      "fuzz",
      house.clock,
      {
        events: null,
        messageOf: () => {
          throw new Error("nobody listens");
        },
      },
      house.host("amqp").random("fuzz"),
    ),
  );
  await attack(FRAMES / 4);
  const before = heapStats().heapSize;
  await attack((FRAMES * 3) / 4);
  const grown = heapStats().heapSize - before;
  expect(mistakes.slice(0, 3)).toEqual([]);
  expect(house.net.connections().length).toBe(1);
  expect(connections).toBeGreaterThan(FRAMES / 100);
  expect(grown).toBeLessThan(8 * 1024 * 1024);
}, 120_000);
