import { Writer } from "../../src/bytes/writer.ts";
import { Reader } from "../../src/bytes/reader.ts";
import type { AmqpBroker } from "../../src/amqp/broker/broker.ts";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import { BODY, FRAME_END, HEADER, HEARTBEAT, METHOD, PROTOCOL_HEADER, writeHead, writeMethod } from "../../src/amqp/v091/frames.ts";
import { type ArgsOut, type ArgType, METHODS, type MethodName, methodOf, specOf } from "../../src/amqp/v091/methods.ts";
import type { Properties } from "../../src/amqp/model/properties.ts";
import { encodeProperties } from "../../src/amqp/v091/properties.ts";
import type { Random } from "../../src/hooks/random.ts";
import type { MemoryClient } from "../../src/net/memory.ts";
import { CAPABLE, RawClient } from "../amqp/raw-client.ts";
import { garbage, spoil } from "./spoil.ts";
import type { Attacker, Shot, Stage, Target } from "./target.ts";

const GOOD = "well-behaved";

/** Values that lead further than random ones would, by the name of the argument. */
const TELLING: Record<string, readonly unknown[]> = {
  queue: ["hostile", "another", "", "amq.rabbitmq.reply-to"],
  exchange: ["", "amq.topic", "amq.headers", "hostile"],
  source: ["amq.topic", "hostile"],
  destination: ["amq.fanout", "hostile"],
  routingKey: ["hostile", "another", "a.b", ""],
  type: ["direct", "topic", "headers", "fanout"],
  consumerTag: ["tag", ""],
  deliveryTag: [0, 1, 2, 3],
  virtualHost: ["/", "nowhere"],
  mechanism: ["PLAIN", "AMQPLAIN"],
  response: [Buffer.from("\0guest\0guest")],
  prefetchSize: [0],
  channelMax: [2047, 100],
  frameMax: [131072, 4096],
  heartbeat: [0],
  noWait: [false, false, true],
};

const TABLES = [
  {},
  { "x-max-length": 3 },
  { "x-message-ttl": 5 },
  { "x-expires": 1000 },
  { "x-max-priority": 5 },
  { "x-overflow": "reject-publish" },
  { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "another" },
  { "alternate-exchange": "amq.fanout" },
  { "x-match": "any", a: 1 },
  { list: [1, "two", { three: 3 }], time: new Date(5000), bytes: Buffer.from("bytes"), nothing: null, big: 2n ** 60n, half: 0.5 },
];

function argument(random: Random, name: string, type: ArgType): unknown {
  const telling = TELLING[name];
  if (telling !== undefined) return random.pick(telling);
  switch (type) {
    case "bit":
      return random.chance(0.3);
    case "shortstr":
      return random.pick(["", "a", "ä", "x".repeat(255)]);
    case "longstr":
      return garbage(random, random.int(0, 20));
    case "table":
      return FieldTable.of(random.pick(TABLES));
    default:
      return random.int(0, 3);
  }
}

function method<N extends MethodName>(channel: number, name: N, args: ArgsOut<N>): Buffer {
  const out = new Writer();
  writeMethod(out, channel, name, args);
  return out.toBuffer();
}

function anyMethod(random: Random, channel: number, name: MethodName): Buffer {
  const args = Object.fromEntries(Object.entries(specOf(name).args).map(([key, type]) => [key, argument(random, key, type)]));
  return method(channel, name, args as never);
}

function framed(type: number, channel: number, payload: Buffer, { length = payload.length, end = FRAME_END } = {}): Buffer {
  const out = new Writer();
  writeHead(out, type, channel, length);
  out.bytes(payload);
  out.u8(end);
  return out.toBuffer();
}

function header(channel: number, size: number, properties: Properties, classId = 60): Buffer {
  const out = new Writer();
  out.u16(classId);
  out.u16(0);
  out.i64n(size);
  encodeProperties(properties, out);
  return framed(HEADER, channel, out.toBuffer());
}

/** Tables in tables: as many as fit into `size` bytes, or lists in lists. */
function nested(size: number, lists: boolean): FieldTable {
  const perLevel = lists ? 5 : 7;
  const levels = Math.floor((size - 8) / perLevel);
  const out = new Writer(size);
  const rest = (level: number): number => (levels - level - 1) * perLevel;
  for (let level = 0; level < levels; level++) {
    if (level === 0 || !lists) {
      out.u8(1);
      out.utf8("t");
    }
    out.u8((lists ? "A" : "F").charCodeAt(0));
    out.u32(rest(level));
  }
  return new FieldTable(out.toBuffer());
}

const PROPERTIES: Properties[] = [
  {},
  { contentType: "text/plain", deliveryMode: 2, priority: 3 },
  { expiration: "5" },
  { expiration: "soon" },
  { userId: "nobody" },
  { headers: FieldTable.of({ CC: ["another"], BCC: ["hostile"] }) },
  { replyTo: "amq.rabbitmq.reply-to", correlationId: "1", messageId: "m" },
  { timestamp: 5, type: "t", appId: "a", clusterId: "c", contentEncoding: "gzip" },
];

/** The methods that get an attacker to where a frame on channel 1 means something. */
function greeting(random: Random): Buffer[] {
  return [
    PROTOCOL_HEADER,
    method(0, "connection.start-ok", {
      clientProperties: FieldTable.of(CAPABLE),
      mechanism: "PLAIN",
      response: Buffer.from("\0guest\0guest"),
      locale: "en_US",
    }),
    method(0, "connection.tune-ok", { channelMax: 2047, frameMax: random.chance(0.8) ? 131072 : 4096, heartbeat: 0 }),
    method(0, "connection.open", { virtualHost: "/" }),
  ];
}

class AmqpAttacker implements Attacker {
  private channel = 1;
  /** The rest of a sequence that was begun. */
  private readonly planned: Buffer[] = [];

  constructor(
    private readonly random: Random,
    private readonly corpus: readonly Buffer[],
  ) {}

  greeting(): Buffer[] {
    const { random } = this;
    const all = greeting(random);
    // Some are hostile before they are in.
    if (random.chance(0.15)) return all.slice(0, random.int(0, all.length - 1));
    const open = method(1, "channel.open", {});
    const declare = method(1, "queue.declare", {
      queue: "hostile",
      passive: false,
      durable: false,
      exclusive: false,
      autoDelete: false,
      noWait: true,
      arguments: FieldTable.EMPTY,
    });
    return [
      ...all,
      open,
      ...(random.chance(0.3) ? [declare] : []),
      ...(random.chance(0.2) ? [method(1, random.pick(["confirm.select", "tx.select"] as const), { noWait: true })] : []),
    ];
  }

  shot(): Shot {
    const planned = this.planned.shift();
    if (planned !== undefined) return { bytes: planned };
    const { random, corpus, channel } = this;
    const frame = Buffer.from(random.pick(corpus));
    if (frame.readUInt16BE(1) !== 0) frame.writeUInt16BE(channel, 1);
    const payload = frame.subarray(7, -1) as Buffer;
    const draw = random.next();
    if (draw < 0.55) {
      const spoilt = payload.length === 0 ? garbage(random, random.int(1, 9)) : spoil(random, payload, corpus);
      return { bytes: framed(frame[0]!, frame.readUInt16BE(1), spoilt) };
    }
    if (draw < 0.63) return { bytes: spoil(random, frame, corpus), last: random.chance(0.3) };
    if (draw < 0.69) {
      const length = random.pick([
        0,
        1,
        Math.max(0, payload.length - 1),
        payload.length + random.int(1, 1000),
        131_064,
        200_000,
        0x7fff_ffff,
        0xffff_ffff,
      ]);
      return { bytes: framed(frame[0]!, channel, payload, { length }), last: length > payload.length };
    }
    if (draw < 0.72) return { bytes: framed(frame[0]!, channel, payload, { end: random.pick([0, 0xcd, 0xff]) }) };
    // Another channel: not open, beyond the highest, or the connection's own.
    if (draw < 0.76) return { bytes: framed(frame[0]!, random.pick([0, channel + 1, 2047, 2048, 0xffff]), payload) };
    if (draw < 0.79)
      return { bytes: framed(random.pick([0, 4, 5, 7, 0xff, METHOD, HEADER, BODY, HEARTBEAT]), random.pick([0, channel]), payload) };
    if (draw < 0.82) {
      // A class or a method that there is not, or that only servers send.
      const bytes = Buffer.from(payload);
      if (bytes.length < 4) return { bytes: framed(METHOD, channel, garbage(random, 4)) };
      bytes.writeUInt16BE(random.pick([0, 1, 11, 60, 61, 90, 0xffff]), random.pick([0, 2]));
      return { bytes: framed(METHOD, channel, bytes) };
    }
    if (draw < 0.83) return { bytes: this.deep() };
    if (draw < 0.84) return { bytes: random.pick([Buffer.from("AMQP\0\x01\0\0"), Buffer.from("GET / HTTP/1.1\r\n\r\n"), PROTOCOL_HEADER]) };
    this.planned.push(...this.content());
    return { bytes: this.planned.shift()! };
  }

  private deep(): Buffer {
    const { random, channel } = this;
    const table = nested(random.pick([1000 * 7, 4000, 30_000, 120_000]), random.chance(0.3));
    if (random.chance(0.3))
      return method(channel, "queue.declare", {
        queue: "deep",
        passive: false,
        durable: false,
        exclusive: false,
        autoDelete: true,
        noWait: false,
        arguments: table,
      });
    if (random.chance(0.3))
      return method(channel, "queue.bind", { queue: "hostile", exchange: "amq.headers", routingKey: "", noWait: false, arguments: table });
    const publish = method(channel, "basic.publish", {
      exchange: random.pick(["amq.headers", ""]),
      routingKey: "hostile",
      mandatory: true,
      immediate: false,
    });
    return Buffer.concat([publish, header(channel, 0, { headers: table })]);
  }

  /** A message whose parts do not belong together. */
  private content(): Buffer[] {
    const { random, channel } = this;
    const body = garbage(random, random.int(0, 50));
    const publish = anyMethod(random, channel, "basic.publish");
    const head = header(channel, body.length, random.pick(PROPERTIES));
    const part = framed(BODY, channel, body);
    return random.pick<() => Buffer[]>([
      () => [head, part],
      () => [part],
      () => [publish, part],
      () => [publish, publish],
      () => [publish, head, head],
      () => [publish, head, part, part],
      () => [publish, header(channel, body.length, {}, random.pick([0, 50, 61])), part],
      () => [publish, header(channel, random.pick([2 ** 40, 2 ** 53, 200_000_000]), {}), part],
      () => [publish, header(channel, body.length + 10, {}), part, method(channel, "channel.open", {})],
      () => [publish, framed(HEADER, channel, spoil(random, head.subarray(7, -1) as Buffer, this.corpus)), part],
      () => [publish, header(channel, Math.max(0, body.length - 1), {}), part],
      () => [publish, framed(HEADER, channel, head.subarray(7, random.int(8, 18)) as Buffer), part],
    ])();
  }

  hear(bytes: Buffer): Buffer[] | null {
    const answers: Buffer[] = [];
    const reader = new Reader(bytes);
    while (reader.remaining >= 8 && bytes[reader.pos] !== 0x41) {
      const type = reader.u8(),
        channel = reader.u16(),
        size = reader.u32();
      if (size + 1 > reader.remaining) break;
      const name = type === METHOD ? methodOf(bytes.readUInt16BE(reader.pos), bytes.readUInt16BE(reader.pos + 2)) : undefined;
      reader.skip(size + 1);
      if (name === "connection.close") return null;
      if (name === "channel.close") {
        this.planned.length = 0;
        if (this.random.chance(0.8)) answers.push(method(channel, "channel.close-ok", {}));
        answers.push(method(++this.channel, "channel.open", {}));
      }
    }
    return answers;
  }
}

export class AmqpTarget implements Target {
  readonly protocol = "amqp";
  readonly connections = 1;
  private readonly corpus: Buffer[] = [];

  private constructor(
    readonly stage: Stage,
    private readonly broker: AmqpBroker,
    private readonly client: RawClient,
  ) {}

  static async on(stage: Stage, broker: AmqpBroker, random: Random): Promise<AmqpTarget> {
    const client = await rawClient(await stage.open());
    await client.open();
    await client.channel(1);
    await client.call(1, "confirm.select", { noWait: false }, "confirm.select-ok");
    await client.call(
      1,
      "queue.declare",
      { queue: GOOD, passive: false, durable: false, exclusive: false, autoDelete: false, noWait: false, arguments: FieldTable.EMPTY },
      "queue.declare-ok",
    );
    await client.call(
      1,
      "basic.consume",
      { queue: GOOD, consumerTag: GOOD, noLocal: false, noAck: false, exclusive: true, noWait: false, arguments: FieldTable.EMPTY },
      "basic.consume-ok",
    );
    const target = new AmqpTarget(stage, broker, client);
    for (const name of Object.keys(METHODS) as MethodName[]) {
      const channel = name.startsWith("connection.") ? 0 : 1;
      const variants = METHODS[name].from === "server" ? 1 : 6;
      for (let i = 0; i < variants; i++) target.corpus.push(anyMethod(random, channel, name));
    }
    return target;
  }

  attacker(random: Random): Attacker {
    return new AmqpAttacker(random, this.corpus);
  }

  async exchange(n: number): Promise<void> {
    const { client } = this;
    client.publish(1, { routingKey: GOOD }, String(n));
    // The confirm and the delivery, in either order.
    for (let answers = 0; answers < 2; answers++) {
      const got = await client.next();
      if (got.name === "basic.ack") continue;
      if (got.name !== "basic.deliver" || got.body!.toString() !== String(n)) throw new Error(`message ${n}: ${got.name} ${got.body}`);
      const { deliveryTag, redelivered } = got.args as { deliveryTag: number; redelivered: boolean };
      if (deliveryTag !== n + 1 || redelivered) throw new Error(`message ${n}: delivery tag ${deliveryTag}`);
      client.send(1, "basic.ack", { deliveryTag, multiple: false });
    }
  }

  async verify(): Promise<void> {
    const { args } = await this.client.call(
      1,
      "queue.declare",
      { queue: GOOD, passive: true, durable: false, exclusive: false, autoDelete: false, noWait: false, arguments: FieldTable.EMPTY },
      "queue.declare-ok",
    );
    const { unacked } = this.vhost.queues.get(GOOD)!.items;
    if (args.messageCount !== 0 || unacked !== 0) throw new Error(`${args.messageCount} messages are ready, ${unacked} not acknowledged`);
  }

  sweep(): void {
    const { vhost } = this;
    for (const queue of [...vhost.queues.values()]) if (queue.name !== GOOD) vhost.deleteQueue(queue);
    for (const exchange of [...vhost.exchanges.values()]) {
      for (const binding of exchange.bindings.values())
        vhost.unbind(exchange.name, binding.destination, binding.routingKey, binding.arguments, null);
      if (exchange.name !== "" && !exchange.name.startsWith("amq.")) vhost.deleteExchange(exchange.name, false);
    }
  }

  private get vhost() {
    return this.broker.vhosts.get("/")!;
  }
}

async function rawClient(wire: MemoryClient): Promise<RawClient> {
  const client = new RawClient({ write: (bytes) => wire.send(bytes), end: () => wire.close() });
  void (async () => {
    for (;;) {
      const bytes = await wire.read();
      if (bytes.length === 0 && wire.closedBy !== null) return client.ended();
      client.feed(bytes);
    }
  })();
  return client;
}
