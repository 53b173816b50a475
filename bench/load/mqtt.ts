// MQTT 3.1.1, QoS 0: one publisher, N subscribers of the same topic.
import { Ring, Sender } from "./ring.ts";
import { COMMON, fail, flags, payload, run } from "./run.ts";
import { Wire } from "./wire.ts";

const options = flags({ ...COMMON, subscribers: 1, payload: 100, window: 16384 });
const TOPIC = Buffer.from("bench");

const ring = Ring.of(2048, (index) => publish(payload(options.payload, index)));
const received = new Array<number>(options.subscribers).fill(0); // bytes
for (let n = 0; n < options.subscribers; n++) await subscribe(n);
const publisher = await connect("publisher");
const sender = new Sender(publisher, ring, options.window);
sender.start();

const slowest = () => Math.floor(Math.min(...received) / ring.frameLength);
const total = () => received.reduce((sum, bytes) => sum + Math.floor(bytes / ring.frameLength), 0);
await run(options, {
  done: total,
  bytesPerMessage: options.payload,
  stop: () => sender.stop() * options.subscribers,
});

async function subscribe(n: number): Promise<void> {
  const wire = await connect(`subscriber-${n}`);
  // SUBSCRIBE, packet id 1, QoS 0
  wire.send(packet(0x82, Buffer.concat([Buffer.from([0, 1]), string(TOPIC), Buffer.from([0])])));
  const suback = await wire.read(5);
  if (!suback.equals(Buffer.from([0x90, 3, 0, 1, 0]))) fail(`SUBACK: ${suback.toHex()}`);

  // A QoS 0 PUBLISH leaves the broker as the bytes that came in, so the whole stream can be compared:
  // nothing lost, doubled, reordered or changed goes unseen, at the price of a memcmp.
  wire.stream((chunk) => {
    let at = received[n]! % ring.bytes.length;
    for (let from = 0; from < chunk.length; at = 0) {
      const length = Math.min(chunk.length - from, ring.bytes.length - at);
      if (ring.bytes.compare(chunk, from, from + length, at, at + length) !== 0) {
        fail(`subscriber ${n}: other bytes than the ones sent after message ${Math.floor(received[n]! / ring.frameLength)}`);
      }
      from += length;
    }
    received[n]! += chunk.length;
    sender.cameBack(slowest());
  });
}

async function connect(name: string): Promise<Wire> {
  const wire = await Wire.open(options.port);
  const variable = Buffer.from([0, 4, ...Buffer.from("MQTT"), 4, 2, 0, 0]); // level 4, clean session, no keep-alive
  wire.send(packet(0x10, Buffer.concat([variable, string(Buffer.from(`bench-${name}`))])));
  const connack = await wire.read(4);
  if (!connack.equals(Buffer.from([0x20, 2, 0, 0]))) fail(`CONNACK: ${connack.toHex()}`);
  return wire;
}

function publish(body: Buffer): Buffer {
  return packet(0x30, Buffer.concat([string(TOPIC), body]));
}

function packet(header: number, rest: Buffer): Buffer {
  const length: number[] = [];
  for (let left = rest.length; ; left >>= 7) {
    if (left < 128) {
      length.push(left);
      break;
    }
    length.push((left & 127) | 128);
  }
  return Buffer.concat([Buffer.from([header, ...length]), rest]);
}

function string(text: Buffer): Buffer {
  return Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), text]);
}
