// AMQP 0-9-1: one publisher without confirms, one queue, one consumer without acknowledgements.
import { PROTOCOL_HEADER, bits, content, long, longstr, method, short, shortstr } from "../lib/amqp.ts";
import { Ring, Sender } from "./ring.ts";
import { COMMON, fail, flags, payload, run } from "./run.ts";
import { Wire } from "./wire.ts";

const options = flags({ ...COMMON, payload: 100, window: 16384 });
const CHANNEL = 1;
const queue = `bench-${process.pid}`;

const ring = Ring.of(2048, (index) =>
  Buffer.concat([
    method(CHANNEL, 60, 40, short(0), shortstr(""), shortstr(queue), bits(0)), // basic.publish to the default exchange
    content(CHANNEL, payload(options.payload, index)),
  ]),
);

const consumer = await connect();
await call(consumer, method(CHANNEL, 50, 10, short(0), shortstr(queue), bits(0b0_1100), long(0)), 50, 11); // exclusive, auto-delete
await call(consumer, method(CHANNEL, 60, 20, short(0), shortstr(queue), shortstr("c"), bits(0b0010), long(0)), 60, 21); // no-ack
const sender = new Sender(await connect(), ring, options.window);

/** What basic.deliver, content header and body of one message take, and where two fields lie in them. */
let layout: { length: number; tag: number; index: number } | null = null;
let early = Buffer.alloc(0);
let received = 0; // bytes
const messages = () => (layout === null ? 0 : Math.floor(received / layout.length));

consumer.stream((chunk) => {
  if (layout === null) {
    early = Buffer.concat([early, chunk]);
    layout = measure(early);
    if (layout === null) return;
    chunk = early;
  }
  check(chunk, layout);
  received += chunk.length;
  sender.cameBack(messages());
});
sender.start();

await run(options, { done: messages, bytesPerMessage: options.payload, stop: () => sender.stop() });

/** Every delivery has the same length, so a chunk is walked without parsing: both counters must go on. */
function check(chunk: Buffer, { length, tag, index }: { length: number; tag: number; index: number }): void {
  let n = Math.ceil(received / length); // the first delivery that starts in this chunk
  for (let at = n * length - received; at + length <= chunk.length; at += length, n++) {
    const slot = n % ring.count;
    const cameTag = chunk.readUInt32BE(at + tag + 4);
    const cameIndex = chunk.readUInt32BE(at + index);
    // Tags are compared modulo the ring, because the null server repeats a ring of its own.
    if ((cameTag - 1) % ring.count !== slot || cameIndex !== slot || chunk[at + length - 1] !== 0xce) {
      fail(`delivery ${n}: delivery tag ${cameTag}, payload of message ${cameIndex} where ${slot} was due`);
    }
  }
}

/** Reads the three frames of the first delivery; null while they aren't complete. */
function measure(bytes: Buffer) {
  const ends: number[] = [];
  for (let at = 0; ends.length < 3; ) {
    if (bytes.length < at + 7) return null;
    at += 7 + bytes.readUInt32BE(at + 3) + 1;
    ends.push(at);
  }
  const [deliver, header, body] = ends as [number, number, number];
  if (bytes.length < body) return null;
  if (bytes.readUInt32BE(7) !== ((60 << 16) | 60)) fail("expected basic.deliver");
  const consumerTag = bytes[11]!;
  if (bytes.readBigUInt64BE(deliver + 7 + 4) !== BigInt(options.payload)) fail("the content header tells another body size");
  if (!bytes.subarray(header + 7, body - 1).equals(payload(options.payload, 0))) fail("the first body is not the one sent");
  return { length: body, tag: 12 + consumerTag, index: header + 7 };
}

async function connect(): Promise<Wire> {
  const wire = await Wire.open(options.port);
  const properties = long(0); // an empty table
  await call(wire, PROTOCOL_HEADER, 10, 10);
  await call(wire, method(0, 10, 11, properties, shortstr("PLAIN"), longstr("\0guest\0guest"), shortstr("en_US")), 10, 30);
  wire.send(method(0, 10, 31, short(2047), long(131072), short(0))); // tune-ok, no heartbeats
  await call(wire, method(0, 10, 40, shortstr("/"), shortstr(""), bits(0)), 10, 41);
  await call(wire, method(CHANNEL, 20, 10, shortstr("")), 20, 11);
  return wire;
}

/** Sends a method and waits for the one that answers it. */
async function call(wire: Wire, bytes: Buffer, classId: number, methodId: number): Promise<void> {
  wire.send(bytes);
  const head = await wire.read(7);
  const answer = await wire.read(head.readUInt32BE(3) + 1);
  const [classCame, methodCame] = [answer.readUInt16BE(0), answer.readUInt16BE(2)];
  if (classCame !== classId || methodCame !== methodId) {
    fail(`expected method ${classId}.${methodId}, got ${classCame}.${methodCame}: ${answer.toString("latin1")}`);
  }
}
