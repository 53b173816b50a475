// Reads frames and throws them away; answers each produce and fetch with a prebuilt response in which only the
// correlation id and the offsets are set.
import {
  Api,
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
  readUnsignedVarint,
  response,
  string,
} from "../lib/kafka.ts";
import { Outlet, listen } from "./relay.ts";

const HEAD = 512; // as much of a request as is looked at
const FETCH_BYTES = 1 << 20; // max bytes of a partition that the generator asks for

interface Client {
  frames: Frames;
  /** The responses to one chunk of requests, written at once. */
  out: Buffer;
  used: number;
  outlet: Outlet;
}

/** The one topic; what it holds are endless copies of the first batch produced. */
let topic = "";
let batch: Buffer = Buffer.alloc(0);
let records = 0;
/** By partition. */
let endOffsets: number[] = [];
let produced: Buffer = Buffer.alloc(0);
let fetched: Buffer = Buffer.alloc(0);

listen<Client>({
  open(socket) {
    const frames = new Frames((frame) => {
      const bytes = answer(frame, frames);
      socket.data.out.set(bytes, socket.data.used);
      socket.data.used += bytes.length;
    });
    socket.data = { frames, out: Buffer.alloc(2 * FETCH_BYTES), used: 0, outlet: new Outlet(socket) };
  },
  data(socket, chunk) {
    const client = socket.data;
    client.frames.push(chunk);
    if (!client.outlet.write(client.out.subarray(0, client.used))) client.out = Buffer.alloc(client.out.length);
    client.used = 0;
  },
  drain(socket) {
    socket.data.outlet.drain();
  },
});

// A request: size 4, api 2, version 2, correlation id 4, client id 2 + 5, then the body (after tags 1 where flexible).
const BODY = 19;

function answer(request: Buffer, frames: Frames): Buffer {
  const correlationId = request.readInt32BE(8);
  switch (request.readInt16BE(4) as Api) {
    case Api.Produce: {
      if (batch.length === 0) firstBatch(request);
      frames.keep = HEAD; // from here on the records aren't needed
      const partition = request.readInt32BE(partitionAt());
      const tail = produced.length - PRODUCE_TAIL;
      produced.writeInt32BE(correlationId, 4);
      produced.writeInt32BE(partition, tail - 2 - 4);
      writeOffset(produced, tail, endOffsets[partition] ?? 0);
      endOffsets[partition] = (endOffsets[partition] ?? 0) + records;
      return produced;
    }
    case Api.Fetch: {
      // tags 1, replica 4, max wait 4, min bytes 4, max bytes 4, isolation 1, session 8, topics 1, name 1 + n,
      // partitions 1, index 4, epoch 4
      const at = BODY + 1 + 4 + 4 + 4 + 4 + 1 + 8 + 1 + 1 + topic.length + 1 + 4 + 4;
      const offset = request.readUInt32BE(at) * 2 ** 32 + request.readUInt32BE(at + 4);
      fetched.writeInt32BE(correlationId, 4);
      const copies = Math.floor(FETCH_BYTES / batch.length);
      const first = fetched.length - 3 - copies * batch.length; // tags of partition, topic and response
      for (let n = 0; n < copies; n++) writeOffset(fetched, first + n * batch.length, offset + n * records);
      return fetched;
    }
    case Api.ApiVersions: {
      const entries = Object.entries(VERSION).map(([api, version]) => Buffer.concat([int16(Number(api)), int16(version), int16(version)]));
      return response(Api.ApiVersions, correlationId, int16(0), array(...entries));
    }
    case Api.CreateTopics:
      topic = request.toString("latin1", BODY + 4 + 2, BODY + 4 + 2 + request.readInt16BE(BODY + 4));
      batch = Buffer.alloc(0);
      endOffsets = [];
      return response(Api.CreateTopics, correlationId, int32(0), array(Buffer.concat([string(topic), int16(0), int16(-1)])));
    case Api.ListOffsets: {
      const partition = Buffer.concat([int32(0), int16(0), int64(-1), int64(endOffsets[0] ?? 0), int32(0)]);
      return response(Api.ListOffsets, correlationId, int32(0), array(Buffer.concat([string(topic), array(partition)])));
    }
    case Api.DeleteTopics:
      return response(Api.DeleteTopics, correlationId, int32(0), array(Buffer.concat([string(topic), int16(0)])));
  }
}

// base offset 8, log append time 8, log start offset 8, record errors 1, error message 1, tags 1, tags 1, throttle 4, tags 1
const PRODUCE_TAIL = 33;

/** Keeps the batch and builds both responses. */
function firstBatch(request: Buffer): void {
  const { value, next } = readUnsignedVarint(request, partitionAt() + 4);
  batch = Buffer.from(request.subarray(next, next + value - 1));
  records = batch.readInt32BE(23) + 1;

  const written = Buffer.concat([int32(0), int16(0), int64(0), int64(-1), int64(0), compactArray(), Buffer.from([0]), NO_TAGS]);
  produced = response(Api.Produce, 0, compactArray(inTopic(written)), int32(0), NO_TAGS);

  const copies = new Array<Buffer>(Math.floor(FETCH_BYTES / batch.length)).fill(batch);
  const read = Buffer.concat([
    int32(0),
    int16(0),
    int64(0),
    int64(0),
    int64(0), // index, error code, high watermark, last stable and log start offset
    compactArray(),
    int32(-1),
    compactBytes(Buffer.concat(copies)),
    NO_TAGS, // no aborted transactions, no preferred replica
  ]);
  fetched = response(Api.Fetch, 0, int32(0), int16(0), int32(0), compactArray(inTopic(read)), NO_TAGS);
}

/** Where a produce request has its partition index, followed by the records. */
function partitionAt(): number {
  // tags 1, transactional id 1, acks 2, timeout 4, topics 1, name 1 + n, partitions 1
  return BODY + 1 + 1 + 2 + 4 + 1 + 1 + topic.length + 1;
}

function inTopic(partition: Buffer): Buffer {
  return Buffer.concat([compactString(topic), compactArray(partition), NO_TAGS]);
}

function writeOffset(bytes: Buffer, at: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(offset / 2 ** 32), at);
  bytes.writeUInt32BE(offset >>> 0, at + 4);
}
