// Kafka: batches produced with acks=1 and several requests in flight, or fetched one request after the other.
import {
  Api,
  COMPACT_NULL,
  Frames,
  NO_TAGS,
  VERSION,
  array,
  compactArray,
  compactBytes,
  compactString,
  int16,
  int32,
  int64,
  int8,
  readUnsignedVarint,
  recordBatch,
  request,
  string,
} from "../lib/kafka.ts";
import { Ring, Sender } from "./ring.ts";
import { COMMON, fail, flags, payload, run } from "./run.ts";
import { Wire } from "./wire.ts";

const MiB = 1 << 20;
const PRELOAD = 256 * MiB; // what a fetch run reads again and again

const options = flags({ ...COMMON, payload: 100, batch: 16384, window: 32, connections: 1 }, { mode: "produce" });
const topic = `bench-${(process.pid % 1e6).toString().padStart(6, "0")}`;
const batch = recordBatch(options.batch, (index) => payload(options.payload, index));
const wire = await Wire.open(options.port);

await checkVersions();
await createTopic();
if (options.mode === "produce") await produce();
else await fetch();

/** Each connection writes to a partition of its own. */
async function produce(): Promise<void> {
  const others = await Promise.all(Array.from({ length: options.connections - 1 }, () => Wire.open(options.port)));
  const producers = [wire, ...others].map(startProducer);
  const sum = (of: (producer: Producer) => number) => producers.reduce((total, producer) => total + of(producer), 0);
  await run(options, {
    done: () => sum((producer) => producer.acknowledged) * batch.records,
    bytesPerMessage: options.payload,
    stop: () => sum((producer) => producer.stop()) * batch.records,
    finish: () => send(deleteTopic()),
  });
}

type Producer = ReturnType<typeof startProducer>;

/** Sends the same batch for ever. Every response is read: its order, its error code and its base offset. */
function startProducer(wire: Wire, partition: number) {
  const count = Math.max(8, Math.ceil((2 * MiB) / options.batch));
  const ring = Ring.of(count, (index) =>
    request(
      Api.Produce,
      index,
      COMPACT_NULL, // no transactional id
      int16(1), // acks
      int32(30_000),
      compactArray(
        Buffer.concat([compactString(topic), compactArray(Buffer.concat([int32(partition), compactBytes(batch.bytes), NO_TAGS])), NO_TAGS]),
      ),
      NO_TAGS,
    ),
  );
  let acknowledged = 0;
  const sender = new Sender(wire, ring, options.window);
  // size 4, correlation id 4, tags 1, topics 1, name 1 + n, partitions 1, index 4, error code 2, base offset 8
  const errorCode = 4 + 4 + 1 + 1 + 1 + topic.length + 1 + 4;
  const frames = new Frames((frame) => {
    if (frame.readInt32BE(4) !== acknowledged % ring.count) fail(`response ${acknowledged}: correlation id ${frame.readInt32BE(4)}`);
    const error = frame.readInt16BE(errorCode);
    if (error !== 0) fail(`response ${acknowledged}: error code ${error}`);
    const baseOffset = frame.readUInt32BE(errorCode + 2) * 2 ** 32 + frame.readUInt32BE(errorCode + 6);
    if (baseOffset !== acknowledged * batch.records)
      fail(`response ${acknowledged}: base offset ${baseOffset}, expected ${acknowledged * batch.records}`);
    acknowledged++;
  });
  wire.stream((chunk) => {
    frames.push(chunk);
    sender.cameBack(acknowledged);
  });
  sender.start();
  return {
    get acknowledged() {
      return acknowledged;
    },
    stop: () => sender.stop(),
  };
}

async function fetch(): Promise<void> {
  const batches = Math.floor(PRELOAD / batch.bytes.length);
  await preload(batches);
  const end = batches * batch.records;

  let fetched = 0;
  let offset = 0;
  let stopped = false;
  // size 4, correlation id 4, tags 1, throttle 4, error 2, session 4, topics 1, name 1 + n, partitions 1, index 4,
  // error 2, high watermark 8, last stable offset 8, log start offset 8, aborted transactions 1, preferred replica 4
  const partition = 4 + 4 + 1 + 4;
  const errorCode = partition + 2 + 4 + 1 + 1 + topic.length + 1 + 4;
  const records = errorCode + 2 + 8 + 8 + 8 + 1 + 4;
  const frames = new Frames((frame) => {
    if (frame.readInt16BE(partition) !== 0) fail(`fetch: error code ${frame.readInt16BE(partition)}`);
    if (frame.readInt16BE(errorCode) !== 0) fail(`fetch at ${offset}: error code ${frame.readInt16BE(errorCode)}`);
    const { value: size, next } = readUnsignedVarint(frame, records);
    const whole = Math.floor((size - 1) / batch.bytes.length); // a broker may cut the last batch short
    if (whole < 1) fail(`fetch at ${offset}: no whole batch came`);
    for (let n = 0; n < whole; n++, offset += batch.records) {
      const at = next + n * batch.bytes.length;
      if (frame.readUInt32BE(at + 4) !== offset) fail(`fetch: base offset ${frame.readUInt32BE(at + 4)}, expected ${offset}`);
      // After base offset, length and leader epoch the batch is the one produced, byte for byte.
      if (frame.compare(batch.bytes, 16, batch.bytes.length, at + 16, at + batch.bytes.length) !== 0)
        fail(`fetch: the batch at ${offset} changed`);
    }
    fetched += whole * batch.records;
    if (offset >= end) offset = 0;
    if (!stopped) send(fetchFrom(offset));
  });
  wire.stream((chunk) => frames.push(chunk));
  send(fetchFrom(0));
  await run(options, {
    done: () => fetched,
    bytesPerMessage: options.payload,
    stop() {
      stopped = true;
      return null; // every fetch was checked by itself
    },
    finish: () => send(deleteTopic()),
  });
}

async function preload(batches: number): Promise<void> {
  const producer = startProducer(wire, 0);
  while (producer.acknowledged < batches) await Bun.sleep(10);
  const sent = producer.stop();
  while (producer.acknowledged < sent) await Bun.sleep(10);
}

/** As Java's consumer asks by default: at most 1 MiB of a partition, at once when there is a byte. */
function fetchFrom(offset: number): Buffer {
  return request(
    Api.Fetch,
    0,
    int32(-1),
    int32(500),
    int32(1),
    int32(50 * MiB),
    int8(0), // replica, max wait, min bytes, max bytes, read uncommitted
    int32(0),
    int32(-1), // no fetch session
    compactArray(
      Buffer.concat([
        compactString(topic),
        compactArray(Buffer.concat([int32(0), int32(-1), int64(offset), int32(-1), int64(-1), int32(MiB), NO_TAGS])),
        NO_TAGS,
      ]),
    ),
    compactArray(), // forgotten topics
    compactString(""), // rack
    NO_TAGS,
  );
}

async function checkVersions(): Promise<void> {
  const body = await call(request(Api.ApiVersions, 0));
  const offered = new Map<number, [number, number]>();
  for (let at = 6; at < body.length; at += 6) offered.set(body.readInt16BE(at), [body.readInt16BE(at + 2), body.readInt16BE(at + 4)]);
  for (const [api, version] of Object.entries(VERSION)) {
    const range = offered.get(Number(api));
    if (range === undefined || version < range[0] || version > range[1]) fail(`API ${api} version ${version} is not offered (${range})`);
  }
}

async function createTopic(): Promise<void> {
  // A produce run keeps only its tail, so that gigabytes a second don't pile up; a fetch run keeps all.
  const config: Record<string, string> =
    options.mode === "produce" ? { "retention.bytes": String(256 * MiB), "segment.bytes": String(64 * MiB) } : {};
  const entries = Object.entries(config).map(([key, value]) => Buffer.concat([string(key), string(value)]));
  const topics = array(Buffer.concat([string(topic), int32(options.connections), int16(1), array(), array(...entries)]));
  const body = await call(request(Api.CreateTopics, 0, topics, int32(30_000), int8(0)));
  const error = body.readInt16BE(4 + 4 + 2 + topic.length);
  if (error !== 0) fail(`CreateTopics: error code ${error}`);

  // A broker may learn of the topic a little later than its controller.
  for (const deadline = performance.now() + 10_000; ; await Bun.sleep(20)) {
    const partition = Buffer.concat([int32(0), int32(-1), int64(-1)]);
    const answer = await call(request(Api.ListOffsets, 0, int32(-1), int8(0), array(Buffer.concat([string(topic), array(partition)]))));
    const error = answer.readInt16BE(4 + 4 + 2 + topic.length + 4 + 4);
    if (error === 0) return;
    if (performance.now() > deadline) fail(`ListOffsets: error code ${error}`);
  }
}

function deleteTopic(): Buffer {
  return request(Api.DeleteTopics, 0, array(string(topic)), int32(30_000));
}

function send(bytes: Buffer): void {
  wire.send(bytes);
}

/** The body of the response, after its correlation id; for versions without tagged fields. */
async function call(bytes: Buffer): Promise<Buffer> {
  send(bytes);
  const size = (await wire.read(4)).readInt32BE(0);
  return (await wire.read(size)).subarray(4);
}
